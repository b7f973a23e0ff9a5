/**
 * Binary messages of `/ws`: two bytes with the length of the header (big-endian), the header (JSON in UTF-8, with a
 * `type`), the payload.
 */

const LENGTH_BYTES = 2;
const MAX_HEADER_BYTES = 4_096;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * @param {Record<string, unknown>} header with its `type`
 * @param {Uint8Array} payload copied
 * @returns {Uint8Array<ArrayBuffer>}
 * @throws {RangeError} the header has more than 4,096 bytes
 */
export function packFrame(header, payload) {
  const head = encoder.encode(JSON.stringify(header));
  if (head.length > MAX_HEADER_BYTES) throw new RangeError(`A header has at most ${MAX_HEADER_BYTES} bytes.`);
  const message = new Uint8Array(LENGTH_BYTES + head.length + payload.length);
  new DataView(message.buffer).setUint16(0, head.length);
  message.set(head, LENGTH_BYTES);
  message.set(payload, LENGTH_BYTES + head.length);
  return message;
}

/**
 * @param {ArrayBuffer} message
 * @returns {{header: Record<string, any>, payload: Uint8Array<ArrayBuffer>}} the payload is a view of the message
 */
export function unpackFrame(message) {
  const end = LENGTH_BYTES + new DataView(message).getUint16(0);
  const header = JSON.parse(decoder.decode(new Uint8Array(message, LENGTH_BYTES, end - LENGTH_BYTES)));
  return { header, payload: new Uint8Array(message, end) };
}

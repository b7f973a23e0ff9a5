/**
 * Binary frames of `/ws`: two bytes (the header's length, big-endian), the header (JSON in UTF-8, with a `type`), and
 * the payload.
 */

import { SyncError } from "./errors.js";

const LENGTH_BYTES = 2;
const MAX_HEADER_BYTES = 4_096;
const MAX_FRAME_BYTES = 1_000_000;
const MAX_TEXT_BYTES = 65_536;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * @param {Record<string, unknown>} header including `type`
 * @param {Uint8Array} payload the bytes, which are copied
 * @returns {Uint8Array<ArrayBuffer>}
 * @throws {SyncError} the header has more than 4,096 bytes, or the frame more than 1,000,000
 */
export function packFrame(header, payload) {
  const head = encoder.encode(JSON.stringify(header));
  if (head.length > MAX_HEADER_BYTES) throw tooLarge(`A frame's header may have at most ${MAX_HEADER_BYTES} bytes.`);
  const size = LENGTH_BYTES + head.length + payload.length;
  if (size > MAX_FRAME_BYTES) throw tooLarge(`A frame may have at most ${MAX_FRAME_BYTES} bytes.`);
  const message = new Uint8Array(size);
  new DataView(message.buffer).setUint16(0, head.length);
  message.set(head, LENGTH_BYTES);
  message.set(payload, LENGTH_BYTES + head.length);
  return message;
}

/**
 * @param {object} message
 * @returns {string}
 * @throws {SyncError} it has more than 65,536 bytes
 */
export function packMessage(message) {
  const text = JSON.stringify(message);
  if (encoder.encode(text).length > MAX_TEXT_BYTES) throw tooLarge(`A message may have at most ${MAX_TEXT_BYTES} bytes.`);
  return text;
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

/** The error for a message so large that the server would close the connection. @param {string} detail */
function tooLarge(detail) {
  return new SyncError({ code: "TOO_LARGE", detail });
}

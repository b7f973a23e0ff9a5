import { insertAfter } from "./queue.js";

/**
 * @import { NewChange, Place, QueueItem, Track } from "./types.d.ts"
 *
 * @typedef {object} PendingAdd a track that is being added to the queue
 * @property {string} query
 * @property {Place} position
 * @property {Track | null} track the track, if it is already known
 * @property {boolean} waiting whether it waits for the connection
 *
 * @typedef {{key: string, item: QueueItem | null, add: PendingAdd | null, removing: boolean, moving: boolean}} Row
 *   a row of the queue: the server's item, or a pending add
 *
 * @typedef {{item: QueueItem, pending: "retry" | "removal" | null}} FailedRow
 */

/** The queue after a move; unchanged if one of the items is gone. @param {QueueItem[]} queue @param {string} itemId @param {string | null} after */
function foreseeMove(queue, itemId, after) {
  const item = queue.find(({ id }) => id === itemId);
  return item && (after === null || queue.some(({ id }) => id === after)) ? insertAfter(queue, item, after) : queue;
}

/** The same with several items, in the order of their ids. @param {QueueItem[]} queue @param {string[]} itemIds @param {string | null} [after] */
function foreseeMoves(queue, itemIds, after) {
  const ids = new Set(itemIds);
  const moved = queue.filter(({ id }) => ids.has(id));
  const rest = queue.filter(({ id }) => !ids.has(id));
  if (after === undefined) return [...rest, ...moved];
  const behind = rest.findIndex(({ id }) => id === after);
  if (after !== null && behind < 0) return queue;
  return [...rest.slice(0, behind + 1), ...moved, ...rest.slice(behind + 1)];
}

/** @param {NewChange} change @returns {string[]} the items that it moves */
function movedBy({ name, args }) {
  return name === "MoveItem" ? [args.item_id] : name === "MoveItems" ? args.item_ids : [];
}

const REMOVES = new Set(["RemoveItem", "RemoveItems", "ClearQueue"]);

/** Which items a pending command removes. @param {NewChange} change @param {string | null} userId @returns {(item: QueueItem) => boolean} */
function removedBy({ name, args }, userId) {
  switch (name) {
    case "RemoveItem":
      return ({ id }) => id === args.item_id;
    case "RemoveItems": {
      const ids = new Set(args.item_ids);
      return ({ id }) => ids.has(id);
    }
    case "ClearQueue":
      return ({ requested_by: person }) => args.whose === "all" || (person !== null && person.id === (args.whose === "mine" ? userId : args.whose));
    default:
      return () => false;
  }
}

/** The tracks that a pending command adds. @param {NewChange} change @param {boolean} live @returns {Row[]} */
function addedBy({ eventId, name, args, note }, live) {
  const row = (/** @type {string} */ key, /** @type {string} */ query, /** @type {Track | null} */ track) => (
    { key, item: null, add: { query, position: args.position, track, waiting: !live }, removing: false, moving: false }
  );
  if (name === "AddTrack") return [row(eventId, args.query, note.track)];
  if (name !== "AddTracks" || !args.uris) return []; // the tracks of a whole album are not known
  return args.uris.map((/** @type {string} */ uri, /** @type {number} */ place) => row(`${eventId} ${place}`, uri, note.tracks?.[place] ?? null));
}

/**
 * The queue with pending commands.
 * @param {QueueItem[]} known
 * @param {NewChange[]} pending
 * @param {{live: boolean, userId?: string | null, playing?: string | null}} situation `playing`: the id of the current item
 * @returns {Row[]}
 */
export function queueRows(known, pending, { live, userId = null, playing = null }) {
  const removals = pending.filter(({ name }) => REMOVES.has(name)).map((change) => removedBy(change, userId));
  const moves = pending.filter(({ name }) => name === "MoveItem" || name === "MoveItems");
  const queue = moves.reduce((items, { name, args }) => (
    name === "MoveItem" ? foreseeMove(items, args.item_id, args.after) : foreseeMoves(items, args.item_ids, args.after)
  ), known);
  const moving = new Set(moves.flatMap(movedBy));
  const items = queue.map((item) => (
    { key: item.id, item, add: null, removing: removals.some((removes) => removes(item)), moving: moving.has(item.id) }
  ));
  const ids = new Set(known.map(({ id }) => id));
  /** @type {Map<string, Row[]>} */
  const adds = new Map();
  for (const row of pending.flatMap((change) => addedBy(change, live))) {
    const place = placeOf(/** @type {PendingAdd} */ (row.add).position, ids, playing);
    adds.set(place, adds.get(place) ?? []).get(place)?.push(row);
  }
  const at = (/** @type {string} */ place) => adds.get(place) ?? [];
  return [...at("front"), ...items.flatMap((row) => [row, ...at(row.key)]), ...at("end")];
}

/**
 * Where added tracks are shown.
 * @param {Place} position
 * @param {Set<string>} ids of the items in the queue
 * @param {string | null} playing
 * @returns {string} "front", "end", or the id of the item before them
 */
function placeOf(position, ids, playing) {
  if (typeof position !== "object") return position === "end" ? "end" : "front";
  if (position.after === playing) return "front";
  return ids.has(position.after) ? position.after : "end";
}

/**
 * The failed items with their pending commands.
 * @param {QueueItem[]} failed
 * @param {NewChange[]} pending
 * @returns {FailedRow[]}
 */
export function failedRows(failed, pending) {
  const asked = new Map(pending.map(({ name, args }) => [args.item_id, name]));
  const cleared = pending.some(({ name, args }) => name === "ClearQueue" && args.whose === "all");
  return failed.map((item) => {
    const name = asked.get(item.id);
    return { item, pending: name === "RetryItem" ? "retry" : name === "RemoveItem" || cleared ? "removal" : null };
  });
}

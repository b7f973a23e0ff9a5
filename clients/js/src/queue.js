/**
 * @import { GuildEvent, QueueItem } from "./events.d.ts"
 * @import { QueuePage } from "./types.d.ts"
 *
 * @typedef {object} QueuePart the loaded front part of a queue
 * @property {QueueItem[]} queue in order; all items with ranks up to `next`
 * @property {number} [queue_total] the length of the whole queue
 * @property {string | null} [next] null if the whole queue is loaded
 */

/**
 * The queue after an event (docs/protocol.md).
 * @template {QueuePart} S
 * @param {S} state not modified
 * @param {GuildEvent} event
 * @returns {S}
 */
export function applyToQueue(state, event) {
  const next = changed(state, event);
  if (!("queue_total" in event.args)) return next;
  const { queue_total: total } = event.args;
  // If the whole queue is loaded, there is no next page.
  return { ...next, queue_total: total, next: next.queue.length === total ? null : next.next };
}

/** @template {QueuePart} S @param {S} state @param {GuildEvent} event @returns {S} */
function changed(state, { name, args }) {
  switch (name) {
    case "TrackAdded":
    case "TrackMoved":
      return put(state, args.item, args.after);
    case "TracksAdded":
      return args.items.reduce((part, item) => put(part, item, null), state);
    case "TrackRequeued":
      return put(state, args.item, null);
    case "TrackResolved":
      return { ...state, queue: state.queue.map((other) => (other.id === args.item.id ? args.item : other)) };
    case "TrackStarted":
    case "TrackFinished":
    case "TrackSkipped":
    case "TrackFailed":
    case "TrackRemoved":
    case "ListOpened":
      return { ...state, queue: without(state.queue, args.item) };
    case "TracksRemoved":
    case "TracksSkipped":
    case "QueueCleared": {
      const gone = new Set(args.item_ids);
      return { ...state, queue: state.queue.filter(({ id }) => !gone.has(id)) };
    }
    case "QueueShuffled":
    case "TracksMoved":
      return shuffle(state, new Map(args.ranks));
    case "QueueRenumbered":
      return renumber(state, new Map(args.ranks));
    default:
      return state;
  }
}

/**
 * Put an item at the place of its rank. An item beyond the loaded part is dropped. Old events have no rank, only `after`,
 * the id of the item before it.
 * @template {QueuePart} S
 * @param {S} state
 * @param {QueueItem} item
 * @param {string | null} after
 * @returns {S}
 */
function put(state, item, after) {
  const { rank } = item;
  if (rank === undefined) return { ...state, queue: insertAfter(state.queue, item, after) };
  const rest = without(state.queue, item);
  if (state.next != null && rank > Number(state.next)) return { ...state, queue: rest };
  const behind = rest.findIndex((other) => other.rank !== undefined && other.rank > rank);
  const place = behind < 0 ? rest.length : behind;
  return { ...state, queue: [...rest.slice(0, place), item, ...rest.slice(place)] };
}

/**
 * Give items other ranks. They keep their order, and items that are not loaded stay after all that are.
 * @template {QueuePart} S
 * @param {S} state
 * @param {Map<string, number>} ranks by item
 * @returns {S}
 */
function renumber(state, ranks) {
  const unknown = new Map(ranks);
  let reached = Number(state.next ?? 0);
  const queue = state.queue.map((item) => {
    const rank = ranks.get(item.id);
    if (rank === undefined) return item;
    unknown.delete(item.id);
    reached = Math.max(reached, rank);
    return { ...item, rank };
  });
  if (state.next == null) return { ...state, queue };
  return { ...state, queue, next: String(Math.min(reached, ...[...unknown.values()].map((rank) => rank - 1))) };
}

/**
 * Give items other ranks, and sort by them. An item that is not loaded may now be ahead of loaded ones: the loaded part
 * then ends before it.
 * @template {QueuePart} S
 * @param {S} state
 * @param {Map<string, number>} ranks by item
 * @returns {S}
 */
function shuffle(state, ranks) {
  const unknown = new Map(ranks);
  const queue = state.queue.map((item) => {
    const rank = ranks.get(item.id) ?? item.rank;
    unknown.delete(item.id);
    return { ...item, rank };
  }).sort((one, other) => one.rank - other.rank);
  if (state.next == null) return { ...state, queue };
  const reached = Math.min(Number(state.next), ...[...unknown.values()].map((rank) => rank - 1));
  return { ...state, queue: queue.filter(({ rank }) => rank <= reached), next: String(reached) };
}

/** Whether an event may move the end of the loaded part. @param {GuildEvent} event */
export function movesEnd({ name }) {
  return name === "QueueRenumbered" || name === "QueueShuffled" || name === "TracksMoved";
}

/**
 * The loaded part, extended by a page.
 * @template {QueuePart} S
 * @param {S} state
 * @param {QueuePage} page the items after `state.next`. It may be older than the state
 * @param {GuildEvent[]} since all events that are in the state but not in the page
 * @returns {S}
 */
export function withPage(state, page, since) {
  const known = new Set(state.queue.map(({ id }) => id));
  const queue = [...state.queue, ...page.items.filter(({ id }) => !known.has(id))];
  return since.reduce(applyToQueue, { ...state, queue, queue_total: page.queue_total, next: page.next });
}

/** @param {QueueItem[]} queue @param {QueueItem} item @param {string | null} after null for the front */
export function insertAfter(queue, item, after) {
  const rest = without(queue, item);
  const place = after === null ? 0 : rest.findIndex((other) => other.id === after) + 1;
  // If the item that it should follow is no longer in the queue, it has started: put this one at the front.
  return [...rest.slice(0, place), item, ...rest.slice(place)];
}

/** @param {QueueItem[]} queue @param {QueueItem} item */
function without(queue, item) {
  return queue.filter((other) => other.id !== item.id);
}

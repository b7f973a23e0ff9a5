/**
 * @import { GuildEvent, QueueItem } from "./events.d.ts"
 * @import { QueuePage } from "./types.d.ts"
 *
 * @typedef {object} QueuePart the front of a queue, as much of it as is known
 * @property {QueueItem[]} queue in order; all items of ranks up to `next`
 * @property {number} [queue_total] how many wait, those that are not known included
 * @property {string | null} [next] null: all are known
 */

/**
 * The queue after an event (docs/protocol.md).
 * @template {QueuePart} S
 * @param {S} state left as it is
 * @param {GuildEvent} event
 * @returns {S}
 */
export function applyToQueue(state, event) {
  const next = changed(state, event);
  if (!("queue_total" in event.args)) return next;
  const { queue_total: total } = event.args;
  // What is known is all there is: nothing is left behind it.
  return { ...next, queue_total: total, next: next.queue.length === total ? null : next.next };
}

/** @template {QueuePart} S @param {S} state @param {GuildEvent} event @returns {S} */
function changed(state, { name, args }) {
  switch (name) {
    case "TrackAdded":
    case "TrackMoved":
      return put(state, args.item, args.after);
    case "TrackRequeued":
      return put(state, args.item, null);
    case "TrackResolved":
      return { ...state, queue: state.queue.map((other) => (other.id === args.item.id ? args.item : other)) };
    case "TrackStarted":
    case "TrackFinished":
    case "TrackSkipped":
    case "TrackFailed":
    case "TrackRemoved":
      return { ...state, queue: without(state.queue, args.item) };
    case "QueueCleared": {
      const cleared = new Set(args.item_ids);
      return { ...state, queue: state.queue.filter(({ id }) => !cleared.has(id)) };
    }
    case "QueueRenumbered":
      return renumber(state, new Map(args.ranks));
    default:
      return state;
  }
}

/**
 * Have an item stand where its rank says; behind the part that is known it is not kept. Events of before there were
 * ranks say only which item it follows.
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
 * Items keep their order and get other ranks. Those that are not known stand behind all that are.
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
 * The part that is known with a page more.
 * @template {QueuePart} S
 * @param {S} state
 * @param {QueuePage} page what comes behind `state.next`; it may be older than the state
 * @param {GuildEvent[]} since all events that are in the state, and not in the page
 * @returns {S}
 */
export function withPage(state, page, since) {
  const known = new Set(state.queue.map(({ id }) => id));
  const queue = [...state.queue, ...page.items.filter(({ id }) => !known.has(id))];
  return since.reduce(applyToQueue, { ...state, queue, queue_total: page.queue_total, next: page.next });
}

/** @param {QueueItem[]} queue @param {QueueItem} item @param {string | null} after null: at the front */
export function insertAfter(queue, item, after) {
  const rest = without(queue, item);
  const place = after === null ? 0 : rest.findIndex((other) => other.id === after) + 1;
  // The item it should follow has started meanwhile: nothing is before it any more.
  return [...rest.slice(0, place), item, ...rest.slice(place)];
}

/** @param {QueueItem[]} queue @param {QueueItem} item */
function without(queue, item) {
  return queue.filter((other) => other.id !== item.id);
}

/** Which deeds of the feed can be undone, as far as their events tell. The server checks it again. */

import { changeOf } from "./activity-words.js";
import { isMe } from "../backline/js/format.js";

/**
 * @import { GuildSyncEvent, Rights } from "../client/types.d.ts"
 *
 * @typedef {object} Situation
 * @property {Rights | null} can
 * @property {number} head seq of the newest event
 * @property {(itemId: string) => boolean} mayWait whether an item may be in the queue
 */

/** How far back an undo reaches. */
const REACH_EVENTS = 1_000;
const REACH_MS = 86_400_000;

/** The events of commands that can be undone. @type {Set<GuildSyncEvent["name"]>} */
const UNDOABLE = new Set([
  "TrackAdded", "TracksAdded", "TrackRemoved", "TracksRemoved", "QueueCleared", "TrackMoved", "TracksMoved", "QueueShuffled", "TrackSkipped",
  "TracksSkipped", "TrackStarted", "PlayerSeeked", "LoopChanged", "VolumeChanged", "SettingsChanged", "QueueSaved",
]);
/** Undoing these has an effect only while one of their items is in the queue. @type {Set<GuildSyncEvent["name"]>} */
const SPENT = new Set(["TrackAdded", "TracksAdded", "TrackMoved", "TracksMoved", "QueueRenumbered"]);

/** A deed's change: its newest one, if there are several. @param {GuildSyncEvent[]} group of one deed */
export function changeIn(group) {
  return changeOf(group[group.length - 1]);
}

/** Whether the deed is a change that can be undone and redone, by whom and until when aside. @param {GuildSyncEvent[]} group of one deed */
export function isChange(group) {
  const { userId, undoes, redoes } = group[0].metadata;
  return userId !== null && !undoes && !redoes && group.some(({ name }) => UNDOABLE.has(name));
}

/** Whether the viewer may undo the deed now, or redo it. @param {GuildSyncEvent[]} group of one deed @param {Situation} situation */
export function mayTurn(group, { can, head }) {
  const { seqNum, metadata } = group[group.length - 1];
  if (head - seqNum >= REACH_EVENTS || Date.now() - metadata.timestamp > REACH_MS) return false;
  return can?.undo === "any" || (isMe({ id: metadata.userId ?? "" }) && !skippedByVote(group, can));
}

/** Whether something of the deed can still be undone. @param {GuildSyncEvent[]} group of one deed @param {Situation} situation */
export function isLeft(group, { mayWait }) {
  return group.some(({ name }) => !SPENT.has(name)) || itemsOf(group).some(mayWait);
}

/** A skip for which the viewer's vote was the last one needed is not theirs to undo. @param {GuildSyncEvent[]} group @param {Rights | null} can */
function skippedByVote(group, can) {
  const skip = group.find(({ name }) => name === "TrackSkipped");
  return can?.skip === "vote" && skip?.name === "TrackSkipped" && !isMe(skip.args.item.requested_by);
}

/** @param {GuildSyncEvent[]} group */
function itemsOf(group) {
  return group.flatMap(({ args }) => {
    if ("item" in args && args.item) return [args.item.id];
    if ("items" in args) return args.items.map(({ id }) => id);
    return "ranks" in args ? args.ranks.map(([id]) => id) : [];
  });
}

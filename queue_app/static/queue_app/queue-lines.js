/** What the rows of the queue say. */

import { duration, isMe, readableUrl, requesterName, roughDuration, titleOf, trackCount } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";

/**
 * @import { Player, QueueItem, Rights, Track } from "../client/types.d.ts"
 * @import { FailedRow, PendingAdd, Row } from "../client/rows.js"
 *
 * @typedef {object} Line one row as it is drawn
 * @property {string} key
 * @property {"queued" | "adding" | "waiting" | "removing" | "moving" | "failed" | "retrying" | "loading"} state
 * @property {Track | null} track
 * @property {string} title
 * @property {string} person who added it
 * @property {boolean} mine
 * @property {string[]} words
 * @property {string} when it plays, or what happens to it; never cut off
 * @property {QueueItem | null} item null: not added yet
 *
 * @typedef {object} Drawn the queue's content
 * @property {Row[]} rows
 * @property {number} total the number of tracks in the queue, including those without a row
 * @property {boolean} hasMore whether there are tracks without a row
 * @property {FailedRow[]} failed
 * @property {Player} player
 * @property {number} positionMs
 * @property {boolean} live whether there is a connection
 * @property {Rights | null} can
 */

/** @param {FailedRow} row @param {boolean} live @returns {Line} */
export function failedLine({ item, pending }, live) {
  const reason = item.error?.detail ?? gettext("This track could not be played.");
  const words = live
    ? { retry: gettext("retrying"), removal: gettext("removing") }
    : { retry: gettext("will be retried"), removal: gettext("will be removed") };
  return {
    key: `failed ${item.id}`, state: pending === "retry" ? "retrying" : pending ? "removing" : "failed", track: item.track,
    title: titleOf(item.track), person: requesterName(item), mine: isMe(item.requested_by),
    words: [pending ? words[pending] : reason], when: "", item,
  };
}

/** @param {Row} row @param {{place: number, startsMs: number | null, live: boolean}} when it plays @returns {Line} */
export function queueLine({ key, item, add, removing, moving }, { place, startsMs, live }) {
  if (!item) return pendingLine(key, /** @type {PendingAdd} */ (add));
  let when = place === 0 ? gettext("next") : "";
  if (removing) when = live ? gettext("removing") : gettext("will be removed");
  else if (moving) when = live ? gettext("moving") : gettext("will be moved");
  else if (startsMs !== null) when = interpolate(gettext("in %(duration)s"), { duration: duration(startsMs) });
  return {
    key, state: removing ? "removing" : moving ? "moving" : "queued", track: item.track, title: titleOf(item.track),
    person: requesterName(item), mine: isMe(item.requested_by), words: item.track.artist ? [item.track.artist] : [], when, item,
  };
}

/** A row whose track is not loaded yet. @param {number} place @returns {Line} */
export function unknownLine(place) {
  return {
    key: `unknown ${place}`, state: "loading", track: null, title: gettext("Loading"), person: "", mine: false, words: [], when: "", item: null,
  };
}

/** @param {string} key @param {PendingAdd} add @returns {Line} */
function pendingLine(key, add) {
  return {
    key, state: add.waiting ? "waiting" : "adding", track: add.track,
    title: add.track ? titleOf(add.track, add.query) : readableUrl(add.query), person: gettext("you"), mine: true,
    words: [], when: add.waiting ? gettext("waiting to be sent") : gettext("adding"), item: null,
  };
}

/** When each row starts to play, in milliseconds from now; null if unknown. @param {Row[]} rows @param {Drawn} drawn */
export function startsOf(rows, { live, player, positionMs }) {
  /** @type {number | null} */
  let untilMs = live ? timeLeft(player, positionMs) : null;
  return rows.map(({ item }) => {
    const startsMs = untilMs;
    if (item) untilMs = untilMs === null || item.track.duration_ms === null ? null : untilMs + item.track.duration_ms;
    return startsMs;
  });
}

/** @param {Player} player @param {number} positionMs @returns {number | null} null if unknown */
function timeLeft(player, positionMs) {
  if (player.status !== "playing" || !player.item?.track.duration_ms) return null;
  return Math.max(0, player.item.track.duration_ms - positionMs);
}

/** @param {Drawn} drawn */
export function summarize({ rows, total, hasMore }) {
  if (!rows.length) return "";
  let known = 0;
  let whole = !hasMore;
  let added = 0;
  for (const { item, add } of rows) {
    const ms = (item?.track ?? add?.track)?.duration_ms ?? null;
    if (ms === null) whole = false;
    known += ms ?? 0;
    if (add) added += 1;
  }
  const count = trackCount(total + added);
  if (!known) return count;
  const rough = roughDuration(known);
  return `${count} · ${whole ? rough : interpolate(gettext("over %(duration)s"), { duration: rough })}`;
}

/** Times, counts, names and titles as people read them. */

import { gettext, interpolate, ngettext } from "./i18n.js";

/** @import { QueueItem, Track } from "../../client/types.d.ts" */

/** @param {number | null} ms @returns {string} `m:ss` or `h:mm:ss` */
export function duration(ms) {
  if (ms === null || !Number.isFinite(ms)) return "–:––";
  const total = Math.floor(ms / 1000);
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const seconds = String(total % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

/** @param {number} ms @returns {string} such as `24 min` or `1 h 5 min` */
export function roughDuration(ms) {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  const parts = { hours: Math.floor(minutes / 60), minutes: minutes % 60 };
  if (minutes < 60) return interpolate(gettext("%(minutes)s min"), parts);
  return interpolate(parts.minutes ? gettext("%(hours)s h %(minutes)s min") : gettext("%(hours)s h"), parts);
}

/** @param {number} ms since it happened */
export function ago(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return gettext("just now");
  if (minutes < 60) return interpolate(ngettext("%(count)s min ago", "%(count)s min ago", minutes), { count: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return interpolate(ngettext("%(count)s h ago", "%(count)s h ago", hours), { count: hours });
  const days = Math.floor(hours / 24);
  if (days === 1) return gettext("yesterday");
  return interpolate(ngettext("%(count)s day ago", "%(count)s days ago", days), { count: days });
}

/** @param {Date} moment @returns {string} such as `21:14` */
export function clockTime(moment) {
  return moment.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** @param {number} count @returns {string} such as `1 track` or `8 tracks` */
export function trackCount(count) {
  return interpolate(ngettext("%(count)s track", "%(count)s tracks", count), { count });
}

/** @param {Track} track @param {string} [query] what was asked for, until the track is known */
export function titleOf(track, query) {
  return track.title || readableUrl(track.url || query || track.uri);
}

/** @param {string} text a URL without its scheme and what it was pasted with, anything else as it is */
export function readableUrl(text) {
  return (linkIn(text) ?? text).replace(/^https?:\/\/(www\.)?/i, "").replace(/\/$/, "");
}

/**
 * What looks like a link in pasted text, for showing it. The server reads it exactly (library/sources/links.py).
 * @param {string} text
 */
export function linkIn(text) {
  const pasted = /\]\(\s*<?(https?:\/\/[^\s<>"`)]+)/i.exec(text) ?? /(https?:\/\/[^\s<>"`]+)/i.exec(text)
    ?? /^\W*(www\.[^\s.]+\.[^\s<>"`]+)/i.exec(text)
    ?? /^[<>`"'|*_~([]*((?:[\p{L}\p{N}][\p{L}\p{N}_-]*\.)+\p{L}{2,}(?::\d{1,5})?\/[^\s<>"`]*)\S*$/u.exec(text);
  return pasted ? pasted[1].replace(/[).,;:!?'*|\u200b-\u200d\u2060\ufeff]+$/, "") : null;
}

/** Letters that are written from right to left, and characters that turn the direction of writing. */
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A name inside a sentence that is only text: its direction of writing ends with it. Elements use `<bdi>`.
 * @param {string} name
 */
export function isolated(name) {
  return TURNS.test(name) ? `\u2068${name.replace(/[\u2066-\u2069]/g, "")}\u2069` : name;
}

const graphemes = new Intl.Segmenter();

/** @param {string} name @returns {string} its first letter, or its first emoji whole */
export function initialOf(name) {
  const [first] = graphemes.segment(name.replace(/^[\s\p{Cf}]+/u, ""));
  return first?.segment.toUpperCase() ?? "";
}

/** @param {{username: string, display_name?: string}} person @returns {string} what to call them */
export function nameOf({ username, display_name: name }) {
  return name || username;
}

/**
 * Whether that person is the one looking at the page.
 * @param {{id: string} | null} person
 */
export function isMe(person) {
  const { userId, discordId } = document.body.dataset;
  return person !== null && person.id !== "" && (person.id === userId || person.id === discordId);
}

/** @param {QueueItem} item */
export function requesterName(item) {
  if (!item.requested_by) return "Backline";
  return isMe(item.requested_by) ? gettext("you") : nameOf(item.requested_by);
}

/** The queue: rows of one height, with their state in words. */

import { showArtwork } from "./artwork.js";
import { byId, element, icon, setAttribute, setText } from "../backline/js/dom.js";
import { duration, isMe, isolated, readableUrl, requesterName, roughDuration, titleOf, trackCount } from "../backline/js/format.js";
import { gettext, interpolate, interpolateNodes } from "../backline/js/i18n.js";
import { jumping } from "./player-view.js";

/**
 * @import { Player, QueueItem, Rights, Track } from "../client/types.d.ts"
 * @import { FailedRow, Row } from "../client/rows.js"
 * @import { Hearts } from "./hearts.js"
 *
 * @typedef {object} Line one row as it is drawn
 * @property {string} key
 * @property {"queued" | "adding" | "waiting" | "removing" | "moving" | "failed" | "retrying"} state
 * @property {Track | null} track
 * @property {string} title
 * @property {string} person who added it
 * @property {boolean} mine
 * @property {string[]} words
 * @property {string} when it plays, or what happens to it; never cut off
 * @property {string | null} itemId the item of the buttons; null: not added yet
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
 *
 * @typedef {(itemId: string, title: string) => void} OnItem
 */

/** The place of a retried row is kept for this long, so that a second press does not hit the next row. */
const KEPT_MS = 2_000;

export class QueueView {
  #list = byId("queue");
  #summary = byId("queue-summary");
  #empty = byId("queue-empty");
  #on;
  /** @type {Map<string, HTMLElement>} */
  #nodes = new Map();
  #drawnOnce = false;

  /** @param {{remove: OnItem, front: OnItem, retry: OnItem, now: OnItem, hearts: Hearts}} on */
  constructor(on) {
    this.#on = on;
  }

  /** @param {Drawn} drawn */
  draw(drawn) {
    const { rows, failed, can } = drawn;
    const lines = [...failed.map((row) => failedLine(row, drawn.live)), ...queueLines(drawn)];
    const mayJump = drawn.live && jumping(drawn.player.item, can)[1];
    const keep = new Set(lines.map((line) => line.key));
    for (const [key, node] of this.#nodes) {
      if (keep.has(key)) continue;
      this.#leave(node);
      this.#nodes.delete(key);
    }
    let at = this.#list.firstElementChild;
    for (const line of lines) {
      let node = this.#nodes.get(line.key);
      if (!node) {
        node = this.#build();
        node.toggleAttribute("data-new", this.#drawnOnce);
        this.#nodes.set(line.key, node);
      }
      this.#fill(node, line, can, mayJump);
      // A node that is in its place is not moved, because that would drop its focus and restart its animation.
      while (at?.hasAttribute("data-kept")) at = at.nextElementSibling;
      if (at === node) at = at.nextElementSibling;
      else this.#list.insertBefore(node, at);
    }
    this.#drawnOnce = true;
    this.#list.setAttribute("aria-busy", "false");
    this.#empty.hidden = lines.length > 0 || drawn.total > 0; // after a shuffle, the first rows may be loading
    setText(this.#empty, can?.add === false ? gettext("The queue is empty.") : gettext("The queue is empty. Search above or paste a link."));
    byId("queue-clear").hidden = !can?.clear || !(failed.length || rows.some((row) => row.item));
    byId("shuffle").hidden = !can?.move || drawn.total < 2;
    byId("queue-more").hidden = !drawn.hasMore;
    setText(this.#summary, summarize(drawn));
  }

  /** Scroll to the viewer's first unsent change. */
  showChanges() {
    const states = ["waiting", "removing", "moving", "retrying"];
    const row = this.#list.querySelector(states.map((state) => `[data-state="${state}"]`).join());
    row?.scrollIntoView({ block: "center" });
  }

  /** Remove a row, and move its focus to its neighbor. @param {HTMLElement} node */
  #leave(node) {
    if (node.contains(document.activeElement)) {
      const neighbor = node.nextElementSibling ?? node.previousElementSibling;
      /** @type {HTMLElement} */
      const heir = neighbor?.querySelector("button:not([disabled], [hidden])") ?? byId("search-input");
      heir.focus();
    }
    if (node.dataset.state === "retrying") node.before(kept(node));
    node.remove();
  }

  #build() {
    const retry = element("button", { class: "button button-quiet button-small row-retry", type: "button" }, icon("rotate-ccw"), gettext("Retry"));
    const now = element("button", { class: "icon-button row-now", type: "button" }, icon("play"));
    const heart = element("button", { class: "icon-button heart row-heart", type: "button" }, icon("heart"));
    const front = element("button", { class: "icon-button row-front", type: "button" }, icon("arrow-up-to-line"));
    const remove = element("button", { class: "icon-button", type: "button" }, icon("x"));
    const node = element("li", { class: "row" },
      element("span", { class: "art art-row" }),
      element("span", { class: "line" },
        element("span", { class: "line-title", dir: "auto" }),
        element("span", { class: "line-sub" })),
      element("span", { class: "row-time" }),
      element("span", { class: "row-acts" }, retry, heart, now, front, remove));
    const acts = /** @type {[HTMLElement, OnItem][]} */ ([[retry, this.#on.retry], [now, this.#on.now], [front, this.#on.front], [remove, this.#on.remove]]);
    for (const [button, act] of acts) {
      button.addEventListener("click", () => {
        const { itemId, title = "" } = node.dataset;
        if (itemId) act(itemId, title);
      });
    }
    return node;
  }

  /** @param {HTMLElement} node @param {Line} line @param {Rights | null} can @param {boolean} mayJump */
  #fill(node, line, can, mayJump) {
    const [art, text, time, acts] = /** @type {HTMLElement[]} */ ([...node.children]);
    const [retry, heart, now, front, remove] = /** @type {HTMLButtonElement[]} */ ([...acts.children]);
    const [title, sub] = /** @type {HTMLElement[]} */ ([...text.children]);
    const failed = line.state === "failed" || line.state === "retrying";
    node.dataset.state = line.state;
    node.dataset.title = line.title;
    node.toggleAttribute("data-failed", failed);
    setAttribute(node, "data-item-id", line.itemId);
    showArtwork(art, line.track);
    setText(title, line.title);
    setAttribute(title, "title", line.title);
    fillWords(sub, line);
    setText(time, line.track?.is_live ? gettext("live") : line.track?.duration_ms ? duration(line.track.duration_ms) : "");
    const name = { title: isolated(line.title) };
    retry.hidden = !failed || can?.add === false;
    setAttribute(retry, "disabled", line.state === "retrying");
    setAttribute(retry, "aria-label", interpolate(gettext("Retry %(title)s"), name));
    this.#on.hearts.fill(heart, failed ? null : line.track);
    now.hidden = failed || !mayJump;
    setAttribute(now, "aria-label", interpolate(gettext("Play %(title)s now"), name));
    now.title = gettext("Play now");
    now.style.visibility = line.itemId && line.state !== "removing" ? "" : "hidden";
    front.hidden = failed;
    setAttribute(front, "aria-label", interpolate(gettext("Play %(title)s next"), name));
    front.title = gettext("Play next");
    front.style.visibility = line.state === "queued" ? "" : "hidden";
    const removable = line.itemId !== null && (line.mine || can?.remove !== false);
    setAttribute(remove, "aria-label", interpolate(gettext("Remove %(title)s"), name));
    setAttribute(remove, "disabled", !removable || line.state === "removing");
    remove.style.visibility = removable ? "visible" : "hidden";
  }
}

/** Make the placeholder that is shown for a moment in place of a row. @param {HTMLElement} row that was retried */
function kept(row) {
  const node = element("li", { class: "row-kept", "data-kept": true, "aria-hidden": "true" },
    ...interpolateNodes(gettext("Added again: %(title)s"), { title: element("bdi", {}, row.dataset.title ?? "") }));
  node.style.height = `${row.offsetHeight}px`;
  setTimeout(() => node.remove(), KEPT_MS);
  return node;
}

/** Who, what and when, each in its own direction of writing. @param {HTMLElement} sub @param {Line} line */
function fillWords(sub, { person, mine, words, when }) {
  const parts = [person, ...words].filter(Boolean);
  const key = `${mine} ${parts.join("\n")} ${when}`;
  if (sub.dataset.drawn === key) return;
  sub.dataset.drawn = key;
  const nodes = parts.flatMap((part, place) => {
    const node = element("bdi", { class: part === person && !place && mine ? "mine" : null }, part);
    return place ? [" · ", node] : [node];
  });
  const rest = when ? [element("span", { class: "line-when" }, `${nodes.length ? " · " : ""}${when}`)] : [];
  sub.replaceChildren(element("span", { class: "line-who" }, ...nodes), ...rest);
}

/** @param {FailedRow} row @param {boolean} live @returns {Line} */
function failedLine({ item, pending }, live) {
  const reason = item.error?.detail ?? gettext("This track could not be played.");
  const words = live
    ? { retry: gettext("retrying"), removal: gettext("removing") }
    : { retry: gettext("will be retried"), removal: gettext("will be removed") };
  return {
    key: `failed ${item.id}`, state: pending === "retry" ? "retrying" : pending ? "removing" : "failed", track: item.track,
    title: titleOf(item.track), person: requesterName(item), mine: isMe(item.requested_by),
    words: [pending ? words[pending] : reason], when: "", itemId: item.id,
  };
}

/** @param {Drawn} drawn @returns {Line[]} */
function queueLines({ rows, player, positionMs, live }) {
  /** @type {number | null} */
  let untilMs = live ? timeLeft(player, positionMs) : null;
  return rows.map((row, place) => {
    if (row.add) return pendingLine(row.key, row.add);
    const item = /** @type {QueueItem} */ (row.item);
    const words = item.track.artist ? [item.track.artist] : [];
    let when = place === 0 ? gettext("next") : "";
    if (row.removing) when = live ? gettext("removing") : gettext("will be removed");
    else if (row.moving) when = live ? gettext("moving") : gettext("will be moved");
    else if (untilMs !== null) when = interpolate(gettext("in %(duration)s"), { duration: duration(untilMs) });
    untilMs = untilMs === null || item.track.duration_ms === null ? null : untilMs + item.track.duration_ms;
    return {
      key: row.key, state: row.removing ? "removing" : row.moving ? "moving" : "queued", track: item.track,
      title: titleOf(item.track), person: requesterName(item), mine: isMe(item.requested_by), words, when, itemId: item.id,
    };
  });
}

/** @param {string} key @param {import("../client/rows.js").PendingAdd} add @returns {Line} */
function pendingLine(key, add) {
  return {
    key, state: add.waiting ? "waiting" : "adding", track: add.track,
    title: add.track ? titleOf(add.track, add.query) : readableUrl(add.query), person: gettext("you"), mine: true,
    words: [], when: add.waiting ? gettext("waiting to be sent") : gettext("adding"), itemId: null,
  };
}

/** @param {Player} player @param {number} positionMs @returns {number | null} null if unknown */
function timeLeft(player, positionMs) {
  if (player.status !== "playing" || !player.item?.track.duration_ms) return null;
  return Math.max(0, player.item.track.duration_ms - positionMs);
}

/** @param {Drawn} drawn */
function summarize({ rows, total, hasMore }) {
  if (!rows.length) return "";
  const lengths = rows.map((row) => (row.item?.track ?? row.add?.track)?.duration_ms ?? null);
  const known = lengths.reduce((/** @type {number} */ sum, ms) => sum + (ms ?? 0), 0);
  const count = trackCount(total + rows.filter(({ add }) => add).length);
  if (!known) return count;
  const rough = roughDuration(known);
  const atLeast = hasMore || lengths.includes(null);
  return `${count} · ${atLeast ? interpolate(gettext("over %(duration)s"), { duration: rough }) : rough}`;
}

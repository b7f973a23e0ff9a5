/** What comes next: one height for every row, and its state in words. */

import { showArtwork } from "./artwork.js";
import { byId, element, icon, setAttribute, setText } from "../backline/js/dom.js";
import { counted, duration, isMe, isolated, readableUrl, requesterName, roughDuration, titleOf } from "../backline/js/format.js";

/**
 * @import { Player, QueueItem, Rights, Track } from "../client/types.d.ts"
 * @import { FailedRow, Row } from "../client/rows.js"
 *
 * @typedef {object} Line one row as it is drawn
 * @property {string} key
 * @property {"queued" | "adding" | "waiting" | "removing" | "moving" | "failed" | "retrying"} state
 * @property {Track | null} track
 * @property {string} title
 * @property {string} person who asked for it
 * @property {boolean} mine
 * @property {string[]} words
 * @property {string} when it plays, or what becomes of it; never cut off
 * @property {string | null} itemId what the buttons are about; null: nothing yet
 *
 * @typedef {object} Drawn what the queue looks like
 * @property {Row[]} rows
 * @property {number} total how many tracks wait, those that are not among the rows included
 * @property {boolean} hasMore whether there are such
 * @property {FailedRow[]} failed
 * @property {Player} player
 * @property {number} positionMs
 * @property {boolean} live whether the server is heard of
 * @property {Rights | null} can
 *
 * @typedef {(itemId: string, title: string) => void} OnItem
 */

/** So long the place of a row that was retried is kept: a second press there is meant for no other. */
const KEPT_MS = 2_000;

export class QueueView {
  #list = byId("queue");
  #summary = byId("queue-summary");
  #empty = byId("queue-empty");
  #on;
  /** @type {Map<string, HTMLElement>} */
  #nodes = new Map();
  #drawnOnce = false;

  /** @param {{remove: OnItem, front: OnItem, retry: OnItem}} on */
  constructor(on) {
    this.#on = on;
  }

  /** @param {Drawn} drawn */
  draw(drawn) {
    const { rows, failed, can } = drawn;
    const lines = [...failed.map((row) => failedLine(row, drawn.live)), ...queueLines(drawn)];
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
      this.#fill(node, line, can);
      // Moving a node drops its focus and restarts its animation: only when it is elsewhere.
      while (at?.hasAttribute("data-kept")) at = at.nextElementSibling;
      if (at === node) at = at.nextElementSibling;
      else this.#list.insertBefore(node, at);
    }
    this.#drawnOnce = true;
    this.#list.setAttribute("aria-busy", "false");
    this.#empty.hidden = lines.length > 0;
    setText(this.#empty, can?.add === false ? "The queue is empty." : "The queue is empty. Search above, or paste a link.");
    byId("queue-clear").hidden = !can?.clear || !(failed.length || rows.some((row) => row.item));
    byId("queue-more").hidden = !drawn.hasMore;
    setText(this.#summary, summarise(drawn));
  }

  /** Bring the first of one's own changes that was not sent yet into view. */
  showChanges() {
    const states = ["waiting", "removing", "moving", "retrying"];
    const row = this.#list.querySelector(states.map((state) => `[data-state="${state}"]`).join());
    row?.scrollIntoView({ block: "center" });
  }

  /** A removed row that had the focus hands it to its neighbour. @param {HTMLElement} node */
  #leave(node) {
    if (node.contains(document.activeElement)) {
      const neighbour = node.nextElementSibling ?? node.previousElementSibling;
      /** @type {HTMLElement} */
      const heir = neighbour?.querySelector("button:not([disabled], [hidden])") ?? byId("search-input");
      heir.focus();
    }
    if (node.dataset.state === "retrying") node.before(kept(node));
    node.remove();
  }

  #build() {
    const retry = element("button", { class: "button button-quiet button-small row-retry", type: "button" }, icon("rotate-ccw"), "Retry");
    const front = element("button", { class: "icon-button row-front", type: "button" }, icon("arrow-up-to-line"));
    const remove = element("button", { class: "icon-button", type: "button" }, icon("x"));
    const node = element("li", { class: "row" },
      element("span", { class: "art art-row" }),
      element("span", { class: "line" },
        element("span", { class: "line-title", dir: "auto" }),
        element("span", { class: "line-sub" })),
      element("span", { class: "row-time" }),
      element("span", { class: "row-acts" }, retry, front, remove));
    const acts = /** @type {[HTMLElement, OnItem][]} */ ([[retry, this.#on.retry], [front, this.#on.front], [remove, this.#on.remove]]);
    for (const [button, act] of acts) {
      button.addEventListener("click", () => {
        const { itemId, title = "" } = node.dataset;
        if (itemId) act(itemId, title);
      });
    }
    return node;
  }

  /** @param {HTMLElement} node @param {Line} line @param {Rights | null} can */
  #fill(node, line, can) {
    const [art, text, time, acts] = /** @type {HTMLElement[]} */ ([...node.children]);
    const [retry, front, remove] = /** @type {HTMLElement[]} */ ([...acts.children]);
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
    setText(time, line.track?.is_live ? "live" : line.track?.duration_ms ? duration(line.track.duration_ms) : "");
    const name = isolated(line.title);
    retry.hidden = !failed || can?.add === false;
    setAttribute(retry, "disabled", line.state === "retrying");
    setAttribute(retry, "aria-label", `Retry ${name}`);
    front.hidden = failed;
    setAttribute(front, "aria-label", `Play ${name} next`);
    front.title = "Play next";
    front.style.visibility = line.state === "queued" ? "" : "hidden";
    const removable = line.itemId !== null && (line.mine || can?.remove !== false);
    setAttribute(remove, "aria-label", `Remove ${name}`);
    setAttribute(remove, "disabled", !removable || line.state === "removing");
    remove.style.visibility = removable ? "visible" : "hidden";
  }
}

/** Stands where a row was, for a moment. @param {HTMLElement} row that was retried and is gone */
function kept(row) {
  const node = element("li", { class: "row-kept", "data-kept": true, "aria-hidden": "true" },
    "Added again: ", element("bdi", {}, row.dataset.title ?? ""));
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
  const reason = item.error?.detail ?? "It could not be played.";
  const words = { retry: live ? "trying again" : "will be tried again", removal: live ? "removing" : "will be removed" };
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
    let when = place === 0 ? "next" : "";
    if (row.removing) when = live ? "removing" : "will be removed";
    else if (row.moving) when = live ? "moving" : "will be moved";
    else if (untilMs !== null) when = `in ${duration(untilMs)}`;
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
    title: add.track ? titleOf(add.track, add.query) : readableUrl(add.query), person: "you", mine: true,
    words: [], when: add.waiting ? "waiting for the network" : "adding", itemId: null,
  };
}

/** @param {Player} player @param {number} positionMs @returns {number | null} null when nobody can know */
function timeLeft(player, positionMs) {
  if (player.status !== "playing" || !player.item?.track.duration_ms) return null;
  return Math.max(0, player.item.track.duration_ms - positionMs);
}

/** @param {Drawn} drawn */
function summarise({ rows, total, hasMore }) {
  if (!rows.length) return "";
  const lengths = rows.map((row) => (row.item?.track ?? row.add?.track)?.duration_ms ?? null);
  const known = lengths.reduce((/** @type {number} */ sum, ms) => sum + (ms ?? 0), 0);
  const count = counted(total + rows.filter(({ add }) => add).length, "track");
  if (!known) return count;
  return `${count} · ${hasMore || lengths.includes(null) ? "over " : ""}${roughDuration(known)}`;
}

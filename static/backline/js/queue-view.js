/** What comes next: one height for every row, and its state in words. */

import { showArtwork } from "./artwork.js";
import { byId, element, icon, setAttribute, setText } from "./dom.js";
import { duration, isMe, readableUrl, requesterName, roughDuration, titleOf } from "./format.js";

/**
 * @import { Player, QueueItem, Rights, Track } from "../../client/types.d.ts"
 * @import { Row } from "../../client/guild.js"
 *
 * @typedef {object} Line one row as it is drawn
 * @property {string} key
 * @property {"queued" | "adding" | "waiting" | "removing" | "failed"} state
 * @property {Track | null} track
 * @property {string} title
 * @property {string} person who asked for it; empty when `words` say enough
 * @property {boolean} mine
 * @property {string} words
 * @property {string | null} itemId what the button removes; null: it only hides the row
 */

const FAILURE_SHOWN_MS = 60_000;

export class QueueView {
  #list = byId("queue");
  #summary = byId("queue-summary");
  #empty = byId("queue-empty");
  #onRemove;
  #onFront;
  /** @type {Map<string, HTMLElement>} */
  #nodes = new Map();
  /** @type {Map<string, {item: QueueItem, until: number}>} */
  #failures = new Map();
  #drawnOnce = false;

  /** @param {{onRemove: (itemId: string, title: string) => void, onFront: (itemId: string, title: string) => void}} options */
  constructor({ onRemove, onFront }) {
    this.#onRemove = onRemove;
    this.#onFront = onFront;
  }

  /** Keep a failed track in sight for a while, with its reason. @param {QueueItem} item */
  addFailure(item) {
    this.#failures.set(item.id, { item, until: performance.now() + FAILURE_SHOWN_MS });
  }

  /**
   * @param {Row[]} rows
   * @param {Player} player
   * @param {number} positionMs
   * @param {Rights | null} can
   */
  draw(rows, player, positionMs, can) {
    const lines = [...this.#failureLines(), ...queueLines(rows, player, positionMs)];
    const keep = new Set(lines.map((line) => line.key));
    for (const [key, node] of this.#nodes) {
      if (keep.has(key)) continue;
      this.#leave(node);
      this.#nodes.delete(key);
    }
    lines.forEach((line, place) => {
      let node = this.#nodes.get(line.key);
      if (!node) {
        node = this.#build(line.key);
        node.toggleAttribute("data-new", this.#drawnOnce);
        this.#nodes.set(line.key, node);
      }
      this.#fill(node, line, can);
      // Moving a node drops its focus and restarts its animation: only when it is elsewhere.
      if (this.#list.children[place] !== node) this.#list.insertBefore(node, this.#list.children[place] ?? null);
    });
    this.#drawnOnce = true;
    this.#list.setAttribute("aria-busy", "false");
    this.#empty.hidden = lines.length > 0;
    byId("queue-clear").hidden = !can?.clear || !rows.some((row) => row.item);
    setText(this.#summary, summarise(rows));
  }

  /** @returns {Line[]} */
  #failureLines() {
    const lines = [];
    for (const [id, { item, until }] of this.#failures) {
      if (performance.now() > until) {
        this.#failures.delete(id);
        continue;
      }
      lines.push(/** @type {Line} */ ({
        key: `failed ${id}`, state: "failed", track: item.track, title: titleOf(item.track), person: "", mine: false,
        words: item.error?.detail ?? "It could not be played.", itemId: null,
      }));
    }
    return lines;
  }

  /** A removed row that had the focus hands it to its neighbour. @param {HTMLElement} node */
  #leave(node) {
    if (node.contains(document.activeElement)) {
      const neighbour = node.nextElementSibling ?? node.previousElementSibling;
      /** @type {HTMLElement} */
      const heir = neighbour?.querySelector("button") ?? byId("search-input");
      heir.focus();
    }
    node.remove();
  }

  /** @param {string} key */
  #build(key) {
    const front = element("button", { class: "icon-button row-front", type: "button" }, icon("arrow-up-to-line"));
    const remove = element("button", { class: "icon-button", type: "button" }, icon("x"));
    const node = element("li", { class: "row" },
      element("span", { class: "art art-row" }),
      element("span", { class: "line" },
        element("span", { class: "line-title" }),
        element("span", { class: "line-sub" }, element("span"), "")),
      element("span", { class: "row-time" }),
      element("span", { class: "row-acts" }, front, remove));
    front.addEventListener("click", () => {
      const { itemId, title = "" } = node.dataset;
      if (itemId) this.#onFront(itemId, title);
    });
    remove.addEventListener("click", () => {
      const { itemId, title = "" } = node.dataset;
      if (itemId) {
        this.#onRemove(itemId, title);
      } else {
        this.#failures.delete(key.replace("failed ", ""));
        this.#nodes.delete(key);
        this.#leave(node);
      }
    });
    return node;
  }

  /** @param {HTMLElement} node @param {Line} line @param {Rights | null} can */
  #fill(node, line, can) {
    const [art, text, time, acts] = /** @type {HTMLElement[]} */ ([...node.children]);
    const [front, remove] = /** @type {HTMLElement[]} */ ([...acts.children]);
    const [title, sub] = text.children;
    const [person, words] = sub.childNodes;
    node.dataset.state = line.state;
    node.dataset.title = line.title;
    setAttribute(node, "data-item-id", line.itemId);
    showArtwork(art, line.track);
    setText(title, line.title);
    setAttribute(title, "title", line.title);
    setText(person, line.person);
    setAttribute(/** @type {Element} */ (person), "class", line.mine ? "mine" : null);
    setText(words, line.person && line.words ? ` · ${line.words}` : line.words);
    setText(time, line.track?.is_live ? "live" : line.track?.duration_ms ? duration(line.track.duration_ms) : "");
    setAttribute(front, "aria-label", `Play ${line.title} next`);
    front.title = "Play next";
    front.style.visibility = line.state === "queued" ? "" : "hidden";
    const removable = line.state === "failed" || (line.itemId !== null && (line.mine || can?.remove !== false));
    setAttribute(remove, "aria-label", line.state === "failed" ? `Hide ${line.title}` : `Remove ${line.title}`);
    setAttribute(remove, "disabled", !removable || line.state === "removing");
    remove.style.visibility = removable ? "visible" : "hidden";
  }
}

/**
 * @param {Row[]} rows
 * @param {Player} player
 * @param {number} positionMs
 * @returns {Line[]}
 */
function queueLines(rows, player, positionMs) {
  /** @type {number | null} */
  let untilMs = timeLeft(player, positionMs);
  return rows.map((row, place) => {
    if (row.add) return pendingLine(row.key, row.add);
    const item = /** @type {QueueItem} */ (row.item);
    const words = [];
    if (row.removing) words.push("removing");
    else if (untilMs !== null) words.push(`in ${duration(untilMs)}`);
    else if (place === 0) words.push("next");
    if (item.track.artist) words.push(item.track.artist);
    untilMs = untilMs === null || item.track.duration_ms === null ? null : untilMs + item.track.duration_ms;
    return {
      key: row.key, state: row.removing ? "removing" : "queued", track: item.track, title: titleOf(item.track),
      person: requesterName(item), mine: isMe(item.requested_by), words: words.join(" · "), itemId: item.id,
    };
  });
}

/** @param {string} key @param {import("../../client/guild.js").PendingAdd} add @returns {Line} */
function pendingLine(key, add) {
  return {
    key, state: add.waiting ? "waiting" : "adding", track: add.track,
    title: add.track ? titleOf(add.track, add.query) : readableUrl(add.query), person: "you", mine: true,
    words: add.waiting ? "waiting for the network" : "adding", itemId: null,
  };
}

/** @param {Player} player @param {number} positionMs @returns {number | null} null when nobody can know */
function timeLeft(player, positionMs) {
  if (player.status !== "playing" || !player.item?.track.duration_ms) return null;
  return Math.max(0, player.item.track.duration_ms - positionMs);
}

/** @param {Row[]} rows */
function summarise(rows) {
  if (!rows.length) return "";
  const lengths = rows.map((row) => (row.item?.track ?? row.add?.track)?.duration_ms ?? null);
  const known = lengths.reduce((/** @type {number} */ sum, ms) => sum + (ms ?? 0), 0);
  const count = `${rows.length} track${rows.length === 1 ? "" : "s"}`;
  if (!known) return count;
  return `${count} · ${lengths.includes(null) ? "over " : ""}${roughDuration(known)}`;
}

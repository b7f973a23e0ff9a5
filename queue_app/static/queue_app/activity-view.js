/** The activity feed: the log's events as sentences, newest first. What can still be undone has a button that undoes it. */

import { ActivityWords, actorOf, byDeed, strong, withoutActor } from "./activity-words.js";
import { changeIn, isChange, isLeft, mayTurn } from "./undoable.js";
import { avatar, byId, element, icon, setAttribute, setText } from "../backline/js/dom.js";
import { ago, isMe } from "../backline/js/format.js";
import { gettext, interpolate, interpolateNodes } from "../backline/js/i18n.js";

/**
 * @import { Deed } from "./activity-words.js"
 * @import { EventMetadata, GuildSyncEvent, Undoable } from "../client/types.d.ts"
 * @import { Situation } from "./undoable.js"
 *
 * @typedef {object} Line
 * @property {GuildSyncEvent[]} group the events of one deed
 * @property {string} sentence without who did it
 * @property {HTMLElement} node
 * @property {HTMLElement} tail its last part: who undid it, and the button
 *
 */

const SHOWN = 30;

/** @type {Record<EventMetadata["via"], string>} */
const SURFACES = {
  sync: gettext("on the web"), rest: gettext("on the web"), discord: gettext("in Discord"), admin: gettext("in the admin"), bot: "",
};

export class ActivityView {
  #list = byId("activity");
  #words;
  #onTurn;
  #oldest = Infinity;
  /** @type {Map<Element, Line>} */
  #lines = new Map();
  /** The newest undo or redo of each change, by its seq. @type {Map<number, GuildSyncEvent>} */
  #turns = new Map();
  /** The newest deed, which may have more events, and its sentence. @type {{group: GuildSyncEvent[], node: HTMLElement | null}} */
  #newest = { group: [], node: null };

  /**
   * @param {object} options
   * @param {(id: string | null) => string} options.channelName
   * @param {(what: "undo" | "redo", change: Undoable) => void} options.onTurn
   */
  constructor({ channelName, onTurn }) {
    this.#words = new ActivityWords({ channelName });
    this.#onTurn = onTurn;
    const more = byId("activity-more");
    more.addEventListener("click", () => {
      const open = byId("feed").toggleAttribute("data-open");
      more.setAttribute("aria-expanded", String(open));
      setText(more, open ? gettext("Show less") : gettext("Show more"));
    });
  }

  /** Empty the feed: events are missing between those shown and the next ones. */
  clear() {
    this.#list.replaceChildren();
    this.#lines.clear();
    this.#turns.clear();
    this.#oldest = Infinity;
    this.#words.channelId = null;
    this.#newest = { group: [], node: null };
  }

  /**
   * Show new events.
   * @param {GuildSyncEvent[]} events oldest first
   * @returns {GuildSyncEvent[][]} their deeds, oldest first
   */
  add(events) {
    this.#oldest = Math.min(this.#oldest, ...events.map(({ seqNum }) => seqNum));
    this.#note(events);
    const { group: known, node: drawn } = this.#newest;
    const groups = byDeed([...known, ...events]);
    if (known.length && groups[0].length > known.length) drawn?.remove(); // it is drawn again, as a whole
    else if (known.length) groups.shift();
    for (const group of groups) {
      const node = this.#render(group);
      node?.setAttribute("data-new", "");
      if (node) this.#list.prepend(node);
      this.#newest = { group, node };
    }
    this.#trim();
    return groups;
  }

  /** Show earlier events, except those shown already. @param {GuildSyncEvent[]} events oldest first */
  addPast(events) {
    this.#note(events);
    const now = this.#words.channelId;
    const groups = byDeed(events.filter((event) => event.seqNum < this.#oldest));
    const nodes = groups.map((group) => this.#render(group));
    if (this.#oldest === Infinity && groups.length) this.#newest = { group: groups[groups.length - 1], node: nodes[nodes.length - 1] };
    this.#words.channelId = now ?? this.#words.channelId;
    this.#list.append(...nodes.filter((node) => node !== null).reverse());
    this.#trim();
  }

  /** Remember which changes were undone or redone. @param {GuildSyncEvent[]} events */
  #note(events) {
    for (const event of events) {
      const seq = event.metadata.undoes ?? event.metadata.redoes;
      if (seq && (this.#turns.get(seq)?.seqNum ?? 0) < event.seqNum) this.#turns.set(seq, event);
    }
  }

  #trim() {
    while (this.#list.children.length > SHOWN) this.#list.lastElementChild?.remove();
    for (const node of this.#lines.keys()) if (!node.isConnected) this.#lines.delete(node);
    this.tick();
  }

  /** Update the times. */
  tick() {
    for (const time of this.#list.querySelectorAll("time")) {
      setText(time, ago(Date.now() - Date.parse(time.dateTime)));
    }
  }

  /**
   * The change that a deed made, if the viewer can undo it now.
   * @param {GuildSyncEvent[]} group
   * @param {Situation} situation
   * @returns {Undoable | null}
   */
  undoable(group, situation) {
    const line = [...this.#lines.values()].find((each) => each.group === group);
    if (!line || this.#wasUndone(group) || !mayTurn(group, situation) || !isLeft(group, situation)) return null;
    return changeOf(line);
  }

  /** Draw who undid what, and the buttons. @param {Situation & {isTurning: (change: Undoable) => boolean}} situation */
  drawTurns(situation) {
    for (const line of this.#lines.values()) {
      const undo = this.#wasUndone(line.group);
      const may = mayTurn(line.group, situation) && (undo !== null || isLeft(line.group, situation));
      line.node.toggleAttribute("data-undone", undo !== null);
      const busy = situation.isTurning(changeOf(line));
      const key = `${undo?.seqNum ?? ""} ${may}`;
      if (line.tail.dataset.drawn !== key) {
        line.tail.dataset.drawn = key;
        line.tail.replaceChildren(...undoneBy(undo), ...(may ? [" · ", this.#button(undo ? "redo" : "undo", line)] : []));
      }
      const button = line.tail.querySelector("button");
      if (button) setAttribute(button, "aria-disabled", busy ? "true" : null);
    }
  }

  /** The undo of a deed's change, if it is undone. @param {GuildSyncEvent[]} group @returns {GuildSyncEvent | null} */
  #wasUndone(group) {
    const turn = this.#turns.get(changeIn(group));
    return turn?.metadata.undoes ? turn : null;
  }

  /** @param {"undo" | "redo"} what @param {Line} line */
  #button(what, line) {
    const [words, label] = what === "undo" ? [gettext("Undo"), gettext("Undo: %(change)s")] : [gettext("Redo"), gettext("Redo: %(change)s")];
    const change = changeOf(line);
    const named = interpolate(label, { change: change.sentence });
    const button = element("button", { class: "link-button deed-turn", type: "button", "aria-label": named, title: named }, words);
    button.addEventListener("click", () => this.#onTurn(what, change));
    return button;
  }

  /** @param {GuildSyncEvent[]} group of one deed */
  #render(group) {
    const deed = this.#words.of(group);
    if (!deed) return null;
    const [node, tail] = render(group, deed);
    if (isChange(group)) this.#lines.set(node, { group, sentence: withoutActor(deed), node, tail });
    return node;
  }
}

/** @param {Line} line @returns {Undoable} */
function changeOf({ group, sentence }) {
  return { seq: changeIn(group), sentence, at: new Date(group[group.length - 1].metadata.timestamp).toISOString() };
}

/** @param {GuildSyncEvent | null} undo @returns {(Node | string)[]} */
function undoneBy(undo) {
  if (!undo) return [];
  const actor = actorOf(undo);
  const name = isMe({ id: undo.metadata.userId ?? "" }) ? gettext("you") : actor?.called ?? "Backline";
  return [" · ", ...interpolateNodes(gettext("undone by %(name)s"), { name: element("bdi", {}, name) })];
}

/** @param {GuildSyncEvent[]} group @param {Deed} deed @returns {[node: HTMLElement, tail: HTMLElement]} */
function render(group, [text, values = {}]) {
  const [event] = group;
  const { timestamp } = group[group.length - 1].metadata;
  const actor = actorOf(event);
  const who = strong(actor?.called ?? "Backline");
  const sentence = element("span", { class: "deed-words" }, ...interpolateNodes(text, { ...values, who }));
  const surface = SURFACES[event.metadata.via] ?? "";
  const time = element("time", { datetime: new Date(timestamp).toISOString() });
  const tail = element("span", {});
  const when = element("small", {}, time, surface && actor ? `, ${surface}` : "", tail);
  const picture = actor
    ? avatar(actor)
    : element("span", { class: "avatar avatar-bot", "aria-hidden": "true" }, icon("audio-lines"));
  return [element("li", { class: "deed" }, picture, element("span", {}, sentence, when)), tail];
}

/** The activity feed: the log's events as sentences, newest first. */

import { ActivityWords, actorOf, byDeed, strong } from "./activity-words.js";
import { avatar, byId, element, icon, setText } from "../backline/js/dom.js";
import { ago } from "../backline/js/format.js";
import { gettext, interpolateNodes } from "../backline/js/i18n.js";

/**
 * @import { Deed } from "./activity-words.js"
 * @import { EventMetadata, GuildSyncEvent } from "../client/types.d.ts"
 */

const SHOWN = 30;

/** @type {Record<EventMetadata["via"], string>} */
const SURFACES = {
  sync: gettext("on the web"), rest: gettext("on the web"), discord: gettext("in Discord"), admin: gettext("in the admin"), bot: "",
};

export class ActivityView {
  #list = byId("activity");
  #words;
  #oldest = Infinity;
  /** The newest deed, which may have more events, and its sentence. @type {{group: GuildSyncEvent[], node: HTMLElement | null}} */
  #newest = { group: [], node: null };

  /** @param {{channelName: (id: string | null) => string}} options */
  constructor({ channelName }) {
    this.#words = new ActivityWords({ channelName });
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
    this.#oldest = Infinity;
    this.#words.channelId = null;
    this.#newest = { group: [], node: null };
  }

  /** Show new events. @param {GuildSyncEvent[]} events oldest first */
  add(events) {
    this.#oldest = Math.min(this.#oldest, ...events.map(({ seqNum }) => seqNum));
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
  }

  /** Show earlier events, except those shown already. @param {GuildSyncEvent[]} events oldest first */
  addPast(events) {
    const now = this.#words.channelId;
    const groups = byDeed(events.filter((event) => event.seqNum < this.#oldest));
    const nodes = groups.map((group) => this.#render(group));
    if (this.#oldest === Infinity && groups.length) this.#newest = { group: groups[groups.length - 1], node: nodes[nodes.length - 1] };
    this.#words.channelId = now ?? this.#words.channelId;
    this.#list.append(...nodes.filter((node) => node !== null).reverse());
    this.#trim();
  }

  #trim() {
    while (this.#list.children.length > SHOWN) this.#list.lastElementChild?.remove();
    this.tick();
  }

  /** Update the times. */
  tick() {
    for (const time of this.#list.querySelectorAll("time")) {
      setText(time, ago(Date.now() - Date.parse(time.dateTime)));
    }
  }

  /** @param {GuildSyncEvent[]} group of one deed */
  #render(group) {
    const deed = this.#words.of(group);
    return deed && render(group, deed);
  }
}

/** @param {GuildSyncEvent[]} group @param {Deed} deed */
function render(group, [text, values = {}]) {
  const [event] = group;
  const { timestamp } = group[group.length - 1].metadata;
  const actor = actorOf(event);
  const who = strong(actor?.called ?? "Backline");
  const sentence = element("span", { class: "deed-words" }, ...interpolateNodes(text, { ...values, who }));
  const surface = SURFACES[event.metadata.via] ?? "";
  const time = element("time", { datetime: new Date(timestamp).toISOString() });
  const when = element("small", {}, time, surface && actor ? `, ${surface}` : "");
  const picture = actor
    ? avatar(actor)
    : element("span", { class: "avatar avatar-bot", "aria-hidden": "true" }, icon("audio-lines"));
  return element("li", { class: "deed" }, picture, element("span", {}, sentence, when));
}

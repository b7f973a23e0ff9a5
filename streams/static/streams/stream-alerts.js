/** A stream's stored messages: earlier ones, and new ones as they happen. */

import { announce } from "../backline/js/announce.js";
import { byId, element, icon, setText } from "../backline/js/dom.js";
import { ago, nameOf } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/** @import { RestClient } from "../client/rest.js" */

/**
 * @typedef {object} Alert
 * @property {number} seq
 * @property {string} type
 * @property {Record<string, any>} args
 * @property {{username: string, display_name?: string} | null} from
 * @property {string} created_at
 * @property {boolean} has_frame
 */

const PAGE = 20;
/** Alerts that arrive within this time are read with one request. */
const GATHER_MS = 150;
const TIMES_MS = 30_000;
const LEVELS = new Set(["low", "medium", "high"]);

/** The list of alerts. */
export class AlertList {
  #rest;
  #streamId;
  #serverNow;
  #list = byId("alerts");
  /** @type {HTMLButtonElement} */
  #older = byId("alerts-older");
  /** @type {string | null} */
  #next = null;
  #newest = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #ended = false;

  /** @param {{rest: RestClient, streamId: string, serverNow: () => number}} options */
  constructor({ rest, streamId, serverNow }) {
    this.#rest = rest;
    this.#streamId = streamId;
    this.#serverNow = serverNow;
    this.#older.addEventListener("click", () => this.#readOlder());
    setInterval(() => this.#showTimes(), TIMES_MS);
  }

  /** Read the newest alerts. Call it again when there may be more. */
  refresh() {
    if (!this.#ended) this.#timer ??= setTimeout(() => this.#read(), GATHER_MS);
  }

  /** The log was replaced: the next refresh shows the newest alerts of the new one. */
  beginAnew() {
    this.#newest = 0;
    this.#list.setAttribute("aria-busy", "true");
  }

  /** Stop reading: the stream was deleted, or is no longer shared. */
  end() {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  async #read() {
    this.#timer = undefined;
    const first = this.#list.getAttribute("aria-busy") === "true";
    const { items, next } = await this.#get("");
    // New alerts, oldest first. If they fill a whole page, the list starts again with them.
    const fresh = items.filter(({ seq }) => seq > this.#newest).reverse();
    if (fresh.length === PAGE || first) {
      this.#list.replaceChildren();
      this.#setNext(next);
    }
    for (const alert of fresh) this.#list.prepend(this.#row(alert, !first));
    this.#newest = Math.max(this.#newest, ...fresh.map(({ seq }) => seq));
    if (!first && fresh.length) announce(interpolate(gettext("Alert: %(text)s"), { text: wordsOf(fresh[fresh.length - 1]) }));
    this.#list.setAttribute("aria-busy", "false");
    byId("alerts-empty").hidden = this.#list.children.length > 0;
  }

  async #readOlder() {
    this.#older.disabled = true;
    const { items, next } = await this.#get(`&before=${this.#next}`);
    const rows = items.map((alert) => this.#row(alert, false));
    this.#list.append(...rows);
    this.#older.disabled = false;
    this.#setNext(next);
    if (this.#older.hidden) rows[0]?.focus();
  }

  /** @param {string} query @returns {Promise<{items: Alert[], next: string | null}>} newest first */
  async #get(query) {
    try {
      return await this.#rest.get(`/api/streams/${this.#streamId}/alerts?limit=${PAGE}${query}`);
    } catch (error) {
      const empty = byId("alerts-empty");
      empty.hidden = false;
      setText(empty, interpolate(gettext("The alerts could not be loaded. %(reason)s"), { reason: reasonOf(error) }));
      return { items: [], next: this.#next };
    }
  }

  /** @param {string | null} next */
  #setNext(next) {
    this.#next = next;
    this.#older.hidden = next === null;
  }

  /** @param {Alert} alert @param {boolean} fresh */
  #row(alert, fresh) {
    const { seq, type, args, from, created_at: createdAt, has_frame: hasFrame } = alert;
    const level = LEVELS.has(args.level) ? args.level : "other";
    const url = `/api/streams/${this.#streamId}/alerts/${seq}/frame`;
    const picture = hasFrame
      ? element("a", { class: "alert-picture", href: url, target: "_blank", rel: "noopener" },
        element("img", { src: url, alt: interpolate(gettext("Picture of alert %(number)s"), { number: seq }), loading: "lazy" }))
      : element("span", { class: "alert-picture", "aria-hidden": "true" }, icon("bell"));
    const time = element("time", { datetime: createdAt, title: new Date(createdAt).toLocaleString() });
    const row = element("li", { class: "alert", "data-level": level, "data-fresh": fresh, tabindex: "-1" },
      picture,
      element("div", {},
        element("p", { class: "alert-words" },
          element("strong", { class: "alert-level" }, typeof args.level === "string" ? args.level.slice(0, 20) : type),
          " ", element("bdi", {}, wordsOf(alert))),
        element("p", { class: "alert-from" }, element("bdi", {}, from ? nameOf(from) : gettext("Deleted user")), time)));
    this.#showTime(time);
    return row;
  }

  #showTimes() {
    for (const time of this.#list.querySelectorAll("time")) this.#showTime(time);
  }

  /** @param {HTMLTimeElement} time */
  #showTime(time) {
    setText(time, ago(this.#serverNow() - Date.parse(time.dateTime)));
  }
}

/** @param {Alert} alert @returns {string} */
function wordsOf({ args, type }) {
  if (typeof args.text === "string" && args.text) return args.text.slice(0, 300);
  const rest = JSON.stringify(args).slice(0, 200);
  return rest === "{}" ? type : rest;
}

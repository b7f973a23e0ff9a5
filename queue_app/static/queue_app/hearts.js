/** Heart buttons, which add tracks to the viewer's favorites and remove them. */

import { setAttribute } from "../backline/js/dom.js";
import { isolated, titleOf } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";

/**
 * @import { RestClient } from "../client/rest.js"
 * @import { Track } from "../client/types.d.ts"
 */

/** How many tracks are looked up at a time. */
const AT_ONCE = 1_000;
const WAIT_MS = 300;

export class Hearts {
  #rest;
  #attempt;
  /** Whether a track is a favorite, by its uri. Null: asked for. @type {Map<string, boolean | null>} */
  #known = new Map();
  /** @type {Set<HTMLButtonElement>} */
  #buttons = new Set();
  /** @type {Set<string>} */
  #unknown = new Set();
  #timer = 0;

  /** @param {{rest: RestClient, attempt: (act: () => Promise<unknown>) => void}} options */
  constructor({ rest, attempt }) {
    this.#rest = rest;
    this.#attempt = attempt;
  }

  /** Show whether a track is a favorite. Without a track, the button is hidden. @param {HTMLButtonElement} button @param {Track | null} track */
  fill(button, track) {
    if (!this.#buttons.has(button)) {
      this.#buttons.add(button);
      button.addEventListener("click", () => this.toggle(button.dataset.uri ?? ""));
    }
    button.hidden = !track;
    if (!track) return;
    button.dataset.uri = track.uri;
    button.dataset.title = titleOf(track);
    if (!this.#known.has(track.uri)) this.#ask(track.uri);
    this.#draw(button);
  }

  /** @param {HTMLButtonElement} button */
  #draw(button) {
    const { uri = "", title = "" } = button.dataset;
    const liked = this.#known.get(uri) === true;
    const words = liked ? gettext("Remove %(title)s from your favorites") : gettext("Add %(title)s to your favorites");
    setAttribute(button, "aria-pressed", String(liked));
    setAttribute(button, "aria-label", interpolate(words, { title: isolated(title) }));
    button.title = liked ? gettext("Remove from favorites") : gettext("Add to favorites");
  }

  /** @param {string} uri */
  #ask(uri) {
    this.#known.set(uri, null);
    this.#unknown.add(uri);
    if (!this.#timer) this.#timer = window.setTimeout(() => this.#look(), WAIT_MS);
  }

  async #look() {
    this.#timer = 0;
    const uris = [...this.#unknown].slice(0, AT_ONCE);
    this.#unknown = new Set([...this.#unknown].slice(AT_ONCE));
    try {
      const liked = new Set((await this.#rest.post("/api/favorites/among", { uris })).uris);
      for (const uri of uris) this.#known.set(uri, liked.has(uri));
      this.#drawAll();
    } catch {
      for (const uri of uris) this.#known.delete(uri); // asked again when the page is next drawn
    }
    if (this.#unknown.size && !this.#timer) this.#look(); // a waiting timer looks by itself
  }

  /** Whether a track is known to be a favorite. @param {string} uri */
  has(uri) {
    return this.#known.get(uri) === true;
  }

  /** Add a track to the favorites, or remove it. @param {string} uri */
  toggle(uri) {
    this.#attempt(() => this.#set(uri, !this.has(uri)));
  }

  /** Add tracks to the favorites. @param {string[]} uris */
  async addAll(uris) {
    for (const uri of new Set(uris)) if (!this.has(uri)) await this.#set(uri, true);
  }

  /** Show it at once, and take it back if it is refused. @param {string} uri @param {boolean} liked */
  async #set(uri, liked) {
    this.#show(uri, liked);
    try {
      if (liked) await this.#rest.put("/api/favorites", { uri });
      else await this.#rest.delete(`/api/favorites?${new URLSearchParams({ uri })}`);
    } catch (error) {
      this.#show(uri, !liked);
      throw error;
    }
  }

  /** @param {string} uri @param {boolean} liked */
  #show(uri, liked) {
    this.#known.set(uri, liked);
    this.#drawAll();
  }

  #drawAll() {
    for (const button of this.#buttons) {
      if (button.isConnected) this.#draw(button);
      else this.#buttons.delete(button);
    }
  }
}

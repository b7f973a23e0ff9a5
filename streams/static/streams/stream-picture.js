/** Draws a stream's frames, and measures them. */

import { byId, setText } from "../backline/js/dom.js";
import { gettext, interpolate } from "../backline/js/i18n.js";

/** @import { StreamFrame } from "../client/stream.js" */

/** The figures cover this time. */
const WINDOW_MS = 2_000;
const REFRESH_MS = 500;
/** A picture is out of date after this time. */
const STALE_MS = 3_000;

/** The live picture with its figures. */
export class Picture {
  /** @type {HTMLCanvasElement} */
  #canvas = byId("picture");
  #serverNow;
  /** @type {{at: number, age: number}[]} */
  #shown = [];
  #missed = 0;
  #shownAt = -Infinity;
  #waiting = gettext("Connecting");
  #unreadable = false;

  /** @param {{serverNow: () => number}} options Unix milliseconds by the server's clock */
  constructor({ serverNow }) {
    this.#serverNow = serverNow;
    setInterval(() => this.#refresh(), REFRESH_MS);
  }

  /** @param {string} words shown while there is no picture @param {boolean} live whether somebody is sending */
  wait(words, live = false) {
    this.#waiting = words;
    this.#unreadable &&= live;
    this.#refresh();
  }

  /** Mark the picture as out of date. @param {string} words the reason */
  lose(words) {
    this.#shownAt = -Infinity;
    this.#shown = [];
    this.wait(words);
  }

  /**
   * Settles when the picture is on the screen, so that the next one requested is new. A hidden page is slower.
   * @param {StreamFrame} frame
   */
  async draw({ header, payload }) {
    this.#missed += header.missed;
    let bitmap;
    try {
      bitmap = await createImageBitmap(new Blob([payload]));
    } catch {
      this.#unreadable = true;
      this.#refresh();
      return;
    }
    this.#unreadable = false;
    if (this.#canvas.width !== bitmap.width) this.#canvas.width = bitmap.width;
    if (this.#canvas.height !== bitmap.height) this.#canvas.height = bitmap.height;
    await new Promise((resolve) => requestAnimationFrame(resolve));
    this.#canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
    const now = performance.now();
    // The age counts from the time of capture if the sender gives it, otherwise from the server.
    this.#shown.push({ at: now, age: this.#serverNow() - (header.capturedAt ?? header.timestamp) });
    const first = this.#shownAt < now - STALE_MS;
    this.#shownAt = now;
    if (first) this.#refresh();
  }

  #refresh() {
    const now = performance.now();
    const stale = this.#shownAt < now - STALE_MS;
    byId("stage").dataset.state = stale ? "waiting" : "live";
    const words = this.#unreadable ? gettext("This browser cannot show the pictures that are sent") : this.#waiting;
    setText(byId("stage-words"), stale ? words : "");
    this.#shown = this.#shown.filter(({ at }) => at > now - WINDOW_MS);
    const ages = this.#shown.map(({ age }) => age).sort((one, other) => one - other);
    const { width, height } = this.#canvas;
    setText(byId("figure-latency"), ages.length ? `${Math.max(0, Math.round(ages[Math.floor(ages.length / 2)]))} ms` : "–");
    setText(byId("figure-rate"), ages.length ? interpolate(gettext("%(rate)s fps"), { rate: (ages.length / (WINDOW_MS / 1000)).toFixed(1) }) : "–");
    setText(byId("figure-size"), stale ? "–" : `${width} × ${height}`);
    setText(byId("figure-missed"), stale ? "–" : String(this.#missed));
  }
}

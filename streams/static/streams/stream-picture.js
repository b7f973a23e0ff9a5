/** Draws a stream's frames, and measures them. */

import { byId, setText } from "../backline/js/dom.js";

/** @import { StreamFrame } from "../client/stream.js" */

/** The figures are of so long. */
const WINDOW_MS = 2_000;
const REFRESH_MS = 500;
/** After so long without a new picture the page says so. */
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
  #waiting = "Connecting";
  #unreadable = false;

  /** @param {{serverNow: () => number}} options Unix milliseconds by the server's clock */
  constructor({ serverNow }) {
    this.#serverNow = serverNow;
    setInterval(() => this.#refresh(), REFRESH_MS);
  }

  /** @param {string} words what to say while there is no picture @param {boolean} live whether somebody sends */
  wait(words, live = false) {
    this.#waiting = words;
    this.#unreadable &&= live;
    this.#refresh();
  }

  /** What was shown is of the past from now on. @param {string} words why */
  lose(words) {
    this.#shownAt = -Infinity;
    this.#shown = [];
    this.wait(words);
  }

  /**
   * Settles when the picture is on the screen, so that the next one asked for is new; in a hidden page that is later.
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
    // Of frames whose sender says when they were taken, the whole way counts; of others, from the server on.
    this.#shown.push({ at: now, age: this.#serverNow() - (header.capturedAt ?? header.timestamp) });
    const first = this.#shownAt < now - STALE_MS;
    this.#shownAt = now;
    if (first) this.#refresh();
  }

  #refresh() {
    const now = performance.now();
    const stale = this.#shownAt < now - STALE_MS;
    byId("stage").dataset.state = stale ? "waiting" : "live";
    const words = this.#unreadable ? "What is sent here is no picture that a browser can show" : this.#waiting;
    setText(byId("stage-words"), stale ? words : "");
    this.#shown = this.#shown.filter(({ at }) => at > now - WINDOW_MS);
    const ages = this.#shown.map(({ age }) => age).sort((one, other) => one - other);
    const { width, height } = this.#canvas;
    setText(byId("figure-latency"), ages.length ? `${Math.max(0, Math.round(ages[Math.floor(ages.length / 2)]))} ms` : "–");
    setText(byId("figure-rate"), ages.length ? `${(ages.length / (WINDOW_MS / 1000)).toFixed(1)} /s` : "–");
    setText(byId("figure-size"), stale ? "–" : `${width} × ${height}`);
    setText(byId("figure-missed"), stale ? "–" : String(this.#missed));
  }
}

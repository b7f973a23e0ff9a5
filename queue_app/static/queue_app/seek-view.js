/** The position in the current track: the bar, its times, and the slider above it that seeks. */

import { byId, setAttribute, setText } from "../backline/js/dom.js";
import { duration } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";

/** @import { Look } from "./player-look.js" */

/** How far the keys move the position, in milliseconds. @type {Record<string, number>} */
const STEPS_MS = { ArrowLeft: -5_000, ArrowDown: -5_000, ArrowRight: 5_000, ArrowUp: 5_000, PageDown: -30_000, PageUp: 30_000, Home: 0, End: 0 };
/** Presses of keys within this time are sent as one. */
const KEYS_MS = 400;

export class SeekView {
  #progress = byId("progress");
  #hover = byId("seek-hover");
  /** @type {HTMLInputElement} */
  #seek = byId("seek");
  /** The chosen position in milliseconds, until it is sent. @type {number | null} */
  #chosenMs = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #positionMs = 0;
  /** @type {Look | null} */
  #look = null;
  #onSeek;

  /** @param {(positionMs: number) => Promise<unknown>} onSeek */
  constructor(onSeek) {
    this.#onSeek = onSeek;
    this.#seek.addEventListener("input", () => this.#choose(this.#seek.valueAsNumber * 1000));
    this.#seek.addEventListener("change", () => this.#send());
    this.#seek.addEventListener("keydown", (event) => this.#step(event));
    this.#seek.addEventListener("pointermove", (event) => this.#point(event));
    for (const name of ["pointerleave", "pointercancel"]) this.#seek.addEventListener(name, () => { this.#hover.hidden = true; });
  }

  /** @param {Look} look @param {boolean} enabled */
  draw(look, enabled) {
    this.#look = look;
    this.#seek.disabled = !enabled;
    if (!enabled) this.#hover.hidden = true;
  }

  /** @param {number} positionMs */
  drawPosition(positionMs) {
    this.#positionMs = positionMs;
    this.#draw();
  }

  /** Show the time under the pointer, and a paler bar up to it. @param {PointerEvent} event */
  #point({ clientX }) {
    const total = this.#look?.track?.duration_ms;
    if (!total || this.#seek.disabled) return;
    const { left, width } = this.#seek.getBoundingClientRect();
    const share = Math.max(0, Math.min((clientX - left) / width, 1));
    this.#hover.hidden = false;
    this.#hover.style.setProperty("--share", String(share));
    setText(/** @type {HTMLElement} */ (this.#hover.lastElementChild), duration(share * total));
  }

  /** Show a position that is not sent yet. @param {number} ms */
  #choose(ms) {
    this.#chosenMs = ms;
    clearTimeout(this.#timer);
    this.#draw();
  }

  async #send() {
    clearTimeout(this.#timer);
    if (this.#chosenMs === null) return;
    const sending = this.#onSeek(this.#chosenMs);
    this.#chosenMs = null; // the store shows it from now on
    await sending;
  }

  /** Move by keys: several presses are sent as one. @param {KeyboardEvent} event */
  #step(event) {
    const step = STEPS_MS[event.key];
    if (step === undefined || this.#seek.disabled) return;
    event.preventDefault();
    const lengthMs = Number(this.#seek.max) * 1000;
    const from = this.#chosenMs ?? this.#positionMs;
    this.#choose(Math.max(0, Math.min(event.key === "End" ? lengthMs : event.key === "Home" ? 0 : from + step, lengthMs)));
    this.#timer = setTimeout(() => this.#send(), KEYS_MS);
  }

  #draw() {
    const positionMs = this.#chosenMs ?? this.#positionMs;
    const track = this.#look?.track;
    const total = track?.duration_ms ?? null;
    const share = total ? Math.min(1, positionMs / total) : 0;
    const bar = /** @type {HTMLElement} */ (this.#progress.firstElementChild);
    setText(byId("position"), track ? duration(positionMs) : duration(null));
    setText(byId("duration"), track?.is_live ? gettext("live") : duration(total));
    this.#progress.toggleAttribute("data-live", Boolean(track?.is_live));
    // Gliding from the end of one track to the start of the next would look like rewinding.
    this.#progress.toggleAttribute("data-moving", this.#look?.lamp === "sound" && positionMs > 500 && this.#chosenMs === null);
    bar.style.transform = `translateX(${(share - 1) * 100}%)`;
    this.#seek.max = String(Math.max(1, Math.floor((total ?? 0) / 1000)));
    this.#seek.value = String(Math.floor(positionMs / 1000));
    setAttribute(this.#seek, "aria-valuetext", total ? interpolate(gettext("%(position)s of %(duration)s"), { position: duration(positionMs), duration: duration(total) }) : null);
  }
}

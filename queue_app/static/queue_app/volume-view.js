/** The volume: a slider and mute, in the player bar and, on a phone, beside the current track. */

import { setAttribute, setText } from "../backline/js/dom.js";
import { gettext, interpolate } from "../backline/js/i18n.js";

const STEP = 5;
const LOUDEST = 200;

export class VolumeView {
  #controls = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-volume]")]).map((node) => ({
    node,
    mute: /** @type {HTMLButtonElement} */ (node.querySelector("button")),
    range: /** @type {HTMLInputElement} */ (node.querySelector("input")),
    output: /** @type {HTMLElement} */ (node.querySelector("output")),
  }));
  #onVolume;
  /** The volume on the server. @type {number | null} */
  #percent = null;
  /** The volume before it was muted. */
  #kept = 100;
  #choosing = false;

  /** @param {(volume: number) => Promise<unknown>} onVolume */
  constructor(onVolume) {
    this.#onVolume = onVolume;
    for (const { mute, range } of this.#controls) {
      range.addEventListener("input", () => {
        this.#choosing = true;
        this.#show(range.valueAsNumber);
      });
      range.addEventListener("change", async () => {
        await this.#onVolume(range.valueAsNumber);
        this.#choosing = false;
        this.#draw(); // shows the old volume again if the change was refused
      });
      mute.addEventListener("click", () => this.#onVolume(this.#percent ? 0 : this.#kept));
    }
  }

  /** Make it louder, or quieter. @param {1 | -1} direction */
  step(direction) {
    if (this.#percent === null) return;
    const percent = Math.max(0, Math.min(LOUDEST, this.#percent + direction * STEP));
    if (percent !== this.#percent) this.#onVolume(percent);
  }

  /** @param {number | null} percent */
  draw(percent) {
    this.#percent = percent;
    if (percent) this.#kept = percent;
    this.#draw();
  }

  #draw() {
    for (const { node } of this.#controls) node.hidden = this.#percent === null;
    if (this.#percent !== null && !this.#choosing) this.#show(this.#percent);
  }

  /** @param {number} percent */
  #show(percent) {
    const muted = percent === 0;
    const shown = muted && !this.#choosing ? this.#kept : percent;
    for (const { node, mute, range, output } of this.#controls) {
      node.toggleAttribute("data-muted", muted);
      if (range.valueAsNumber !== percent) range.valueAsNumber = percent;
      setText(output, `${shown}%`);
      setAttribute(range, "aria-valuetext", muted ? gettext("muted") : interpolate(gettext("%(count)s percent"), { count: percent }));
      const words = muted ? interpolate(gettext("Unmute, to %(percent)s"), { percent: `${this.#kept}%` }) : gettext("Mute");
      setAttribute(mute, "aria-label", words);
      mute.title = words;
    }
  }
}

/**
 * Keys that work anywhere on the page, and the dialog that lists them. They can be switched off there, for people whose
 * speech input types letters (WCAG 2.1.4).
 */

import { byId } from "../backline/js/dom.js";

/** @typedef {Record<string, () => void>} Keys what each key does; two keys in turn are written `g q` */

const OFF = "backline.shortcuts.off";
/** After this time, the first of two keys no longer counts. */
const TURN_MS = 1_500;
const FIELDS = "input, select, textarea, [contenteditable], [role=slider]";
/** Here Space does something already. */
const PRESSED = "button, a, summary, [role=menuitem]";

export class Shortcuts {
  #keys;
  #first = "";
  #timer = 0;
  /** @type {HTMLDialogElement} */
  #dialog = byId("shortcuts-dialog");
  /** @type {HTMLInputElement} */
  #switch = byId("shortcuts-on");

  /** @param {Keys} keys */
  constructor(keys) {
    this.#keys = keys;
    this.#switch.checked = this.#on;
    this.#switch.addEventListener("change", () => {
      try {
        if (this.#switch.checked) localStorage.removeItem(OFF);
        else localStorage.setItem(OFF, "true");
      } catch {
        // Storage may be forbidden; the choice then lasts as long as the page.
      }
      this.#on = this.#switch.checked;
    });
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  #on = isOn();

  show = () => {
    if (!this.#dialog.open) this.#dialog.showModal();
  };

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (!this.#on || event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.matches(FIELDS) || document.querySelector("dialog[open]") || (event.key === " " && target.matches(PRESSED))) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const first = this.#first;
    this.#first = "";
    clearTimeout(this.#timer);
    const act = (first && this.#keys[`${first} ${key}`]) || this.#keys[key];
    if (act) {
      if (event.repeat && !["[", "]"].includes(key)) return;
      event.preventDefault();
      act();
    } else if (Object.keys(this.#keys).some((each) => each.startsWith(`${key} `))) {
      this.#first = key;
      this.#timer = window.setTimeout(() => { this.#first = ""; }, TURN_MS);
    }
  }
}

function isOn() {
  try {
    return localStorage.getItem(OFF) === null;
  } catch {
    return true;
  }
}

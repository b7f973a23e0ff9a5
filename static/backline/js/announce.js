/** Messages for screen readers, and messages that pop up. */

import { byId, element, icon, setText } from "./dom.js";
import { gettext } from "./i18n.js";

const TOAST_MS = 8_000;

/**
 * @typedef {object} Offer
 * @property {string} words on the button
 * @property {string} icon
 * @property {string} [key] that does the same
 * @property {() => void} act
 */

/** Have screen readers read a text when they are idle. @param {string} text */
export function announce(text) {
  setText(byId("announcer"), text);
}

/** Show a problem for a while, in place of the last one. Screen readers read it at once. @param {string} text names in it are `isolated` */
export function toast(text) {
  problem.show(byId("toasts"), text, null);
}

/** Show what was done for a while, with a button, in place of the last one. @param {string} text names in it are `isolated` @param {Offer} offer */
export function propose(text, offer) {
  proposal.show(byId("proposals"), text, offer);
}

/** Press the button of the message that `propose` shows. @returns {boolean} whether there is one */
export function acceptProposal() {
  return proposal.press();
}

/** Hide that message. */
export function withdrawProposal() {
  proposal.hide();
}

/** One message at a time. It leaves after a while, but not while it has the pointer or the focus. */
class Message {
  /** @type {HTMLElement | null} */
  #shown = null;
  /** @type {Offer | null} */
  #offer = null;
  #timer = 0;
  /** Where the focus was before it came here. @type {HTMLElement | null} */
  #before = null;

  /** @param {HTMLElement} place @param {string} text @param {Offer | null} offer */
  show(place, text, offer) {
    this.hide();
    const close = element("button", { class: "icon-button", type: "button", "aria-label": gettext("Dismiss") }, icon("x"));
    close.addEventListener("click", () => this.hide());
    const shown = element("div", { class: "toast" }, element("span", { class: "toast-words" }, text), ...this.#buttons(offer), close);
    this.#shown = shown;
    this.#offer = offer;
    shown.addEventListener("focusin", ({ relatedTarget }) => {
      if (relatedTarget instanceof HTMLElement && !shown.contains(relatedTarget)) this.#before = relatedTarget;
    });
    for (const event of ["pointerenter", "focusin"]) shown.addEventListener(event, () => clearTimeout(this.#timer));
    for (const event of ["pointerleave", "focusout"]) shown.addEventListener(event, () => this.#wait());
    place.append(shown);
    this.#wait();
  }

  /** @param {Offer | null} offer */
  #buttons(offer) {
    if (!offer) return [];
    const key = offer.key ? [element("kbd", { "aria-hidden": "true" }, offer.key.toUpperCase())] : [];
    const button = element("button", { class: "toast-act", type: "button", "aria-keyshortcuts": offer.key }, icon(offer.icon), offer.words, ...key);
    button.addEventListener("click", () => this.press());
    return [button];
  }

  #wait() {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      if (!this.#shown?.matches(":hover, :focus-within")) this.hide();
    }, TOAST_MS);
  }

  /** @returns {boolean} */
  press() {
    const offer = this.#offer;
    this.hide();
    offer?.act();
    return offer !== null;
  }

  hide() {
    clearTimeout(this.#timer);
    const shown = this.#shown;
    this.#shown = this.#offer = null;
    if (!shown) return;
    const focused = shown.contains(document.activeElement);
    shown.remove();
    if (focused) (this.#before?.isConnected ? this.#before : byId("main")).focus();
    this.#before = null;
  }
}

const problem = new Message();
const proposal = new Message();

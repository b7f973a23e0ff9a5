/** Messages for screen readers, and messages that pop up. */

import { byId, element, icon, setText } from "./dom.js";
import { gettext } from "./i18n.js";

const TOAST_MS = 7_000;

/** Have screen readers read a text when they are idle. @param {string} text */
export function announce(text) {
  setText(byId("announcer"), text);
}

/** Show a problem for a while. Screen readers read it at once. @param {string} text names in it are `isolated` */
export function toast(text) {
  const close = element("button", { class: "icon-button", type: "button", "aria-label": gettext("Dismiss") }, icon("x"));
  const shown = element("div", { class: "toast" }, element("span", {}, text), close);
  const timer = setTimeout(() => shown.remove(), TOAST_MS);
  close.addEventListener("click", () => {
    clearTimeout(timer);
    shown.remove();
  });
  byId("toasts").append(shown);
}

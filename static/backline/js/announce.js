/** What is said to those who do not see it, and what pops up for those who do. */

import { byId, element, icon, setText } from "./dom.js";

const TOAST_MS = 7_000;

/** Say it politely through a screen reader. @param {string} text */
export function announce(text) {
  setText(byId("announcer"), text);
}

/** Show a problem for a while; screen readers say it at once. @param {string} text names in it are `isolated` */
export function toast(text) {
  const close = element("button", { class: "icon-button", type: "button", "aria-label": "Dismiss" }, icon("x"));
  const shown = element("div", { class: "toast" }, element("span", {}, text), close);
  const timer = setTimeout(() => shown.remove(), TOAST_MS);
  close.addEventListener("click", () => {
    clearTimeout(timer);
    shown.remove();
  });
  byId("toasts").append(shown);
}

/** The guild page on a phone shows one of its parts at a time. In wide windows all are visible, and this has no effect. */

import { byId } from "../backline/js/dom.js";

/** @typedef {"playing" | "queue" | "activity"} Tab */

const TABS = new Set(["playing", "queue", "activity"]);
/** Where each tab was scrolled to. @type {Record<string, number>} */
const places = {};
const nav = byId("tabs");

/** @param {Tab} tab */
export function showTab(tab) {
  const before = document.body.dataset.tab ?? "";
  if (before !== tab) {
    places[before] = scrollY;
    document.body.dataset.tab = tab;
    // The address keeps the tab for a reload. It is not an anchor, so nothing scrolls.
    history.replaceState(history.state, "", `#${tab}`);
    scrollTo(0, places[tab] ?? 0);
    dispatchEvent(new Event("scroll")); // the rows near the viewport are drawn
  }
  mark();
}

/** On a phone, an element in another tab cannot get the focus. @param {HTMLElement} node */
export function reveal(node) {
  const part = node.closest("[data-part]");
  const tab = /** @type {Tab | undefined} */ (/** @type {HTMLElement | null} */ (part)?.dataset.part);
  if (tab) showTab(tab);
}

function mark() {
  for (const link of nav.querySelectorAll("[data-tab]")) {
    if (link.getAttribute("data-tab") === document.body.dataset.tab) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

nav.addEventListener("click", (event) => {
  const link = /** @type {HTMLElement} */ (event.target).closest("[data-tab]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  showTab(/** @type {Tab} */ (link.getAttribute("data-tab")));
});

function fromAddress() {
  const wanted = location.hash.slice(1);
  if (TABS.has(wanted)) {
    showTab(/** @type {Tab} */ (wanted));
    scrollTo(0, 0); // the browser has looked for an anchor of that name
  }
}

addEventListener("hashchange", fromAddress);
fromAddress();
mark();

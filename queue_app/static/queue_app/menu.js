/** A menu of commands (WAI-ARIA 1.2), beside the button that opens it or at the pointer. */

import { byId, element, icon, setAttribute } from "../backline/js/dom.js";
import { gettext } from "../backline/js/i18n.js";

/**
 * @typedef {object} Entry
 * @property {string} words
 * @property {string} icon
 * @property {string} [key] the key that does the same while the row has the focus, as `keyOf` names it
 * @property {() => void} act
 * @property {boolean} [off] whether it has no effect now
 * @property {boolean} [bad] whether it removes something
 * @property {boolean} [group] whether it begins a group
 */

const GAP = 6;
const EDGE = 8;

/** Keys as they are printed. @type {Record<string, string>} */
const CAPS = { Enter: "↵", ArrowUp: "↑", ArrowDown: "↓", Delete: gettext("Del"), End: gettext("End"), Home: gettext("Home") };

/** The name of a key with its modifiers, such as `Alt+ArrowUp`; letters are small. @param {KeyboardEvent} event */
export function keyOf({ key, altKey, ctrlKey, metaKey, shiftKey }) {
  const named = key.length > 1 || key === " ";
  const name = named ? key : key.toLowerCase();
  return [altKey ? "Alt+" : "", ctrlKey || metaKey ? "Ctrl+" : "", shiftKey && (named || ctrlKey) ? "Shift+" : "", name].join("");
}

/** @param {string} key */
function printed(key) {
  return key.split("+").map((part) => CAPS[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join(" ");
}

/** @type {(() => void) | null} */
let closeOpen = null;

/**
 * Open a menu. The focus returns to `back` when it closes.
 * @param {object} options
 * @param {string} options.label
 * @param {Entry[]} options.entries
 * @param {{x: number, y: number} | null} options.at of the pointer; null: below the anchor
 * @param {HTMLElement} options.anchor
 * @param {HTMLElement} [options.back] the anchor by default
 */
export function openMenu({ label, entries, at, anchor, back = anchor }) {
  closeOpen?.();
  const menu = byId("menu");
  setAttribute(menu, "aria-label", label);
  menu.replaceChildren(...entries.flatMap((entry, place) => [
    ...(entry.group && place ? [element("div", { role: "separator", class: "menu-line" })] : []), itemOf(entry),
  ]));
  menu.hidden = false;
  place(menu, at, anchor);
  setAttribute(anchor, "aria-expanded", anchor.matches("button") ? "true" : null);
  const items = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("[role=menuitem]")]);
  const leaving = new AbortController();
  const { signal } = leaving;
  const close = (refocus = true) => {
    closeOpen = null;
    leaving.abort();
    setAttribute(anchor, "aria-expanded", anchor.matches("button") ? "false" : null);
    const focused = menu.contains(document.activeElement);
    menu.hidden = true;
    if (refocus && focused && back.isConnected) back.focus({ preventScroll: true });
  };
  closeOpen = close;
  const run = (/** @type {Entry} */ entry) => {
    if (entry.off) return;
    close();
    entry.act();
  };
  items.forEach((item, number) => item.addEventListener("click", () => run(entries[number]), { signal }));
  menu.addEventListener("keydown", (event) => {
    event.stopPropagation(); // none of the page's keys
    const key = keyOf(event);
    const now = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[key];
    const entry = key === "Enter" ? undefined : entries.find((each) => each.key === key);
    if (to !== undefined) items[(to + items.length) % items.length].focus();
    else if (key === "Escape" || key === "Tab") close();
    else if (entry) run(entry);
    else return;
    event.preventDefault();
  }, { signal });
  addEventListener("pointerdown", (event) => { if (!menu.contains(/** @type {Node} */ (event.target))) close(false); }, { signal, capture: true });
  addEventListener("scroll", () => close(), { signal, passive: true });
  addEventListener("resize", () => close(), { signal });
  items[0]?.focus({ preventScroll: true });
}

/** @param {Entry} entry */
function itemOf({ words, icon: name, key, off, bad }) {
  const keys = key ? [element("kbd", { "aria-hidden": "true" }, printed(key))] : [];
  const attributes = {
    type: "button", role: "menuitem", tabindex: "-1", class: bad ? "menu-bad" : null, "aria-disabled": off ? "true" : null,
    "aria-keyshortcuts": key?.replace("Ctrl", "Control"),
  };
  return element("button", attributes, icon(name), element("span", {}, words), ...keys);
}

/** Below, or above where there is no room. @param {HTMLElement} menu @param {{x: number, y: number} | null} at @param {HTMLElement} anchor */
function place(menu, at, anchor) {
  const box = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = at ? at.y : box.bottom + GAP;
  const above = (at ? at.y : box.top - GAP) - height;
  const left = at ? at.x : box.right - width;
  const top = below + height <= innerHeight - EDGE || above < EDGE ? Math.min(below, innerHeight - EDGE - height) : above;
  menu.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - EDGE - width))}px`;
  menu.style.top = `${Math.max(EDGE, top)}px`;
}

/** One row of the queue: its elements, and what they show. */

import { showArtwork } from "./artwork.js";
import { element, icon, setAttribute, setText } from "../backline/js/dom.js";
import { duration, isolated } from "../backline/js/format.js";
import { gettext, interpolate, interpolateNodes } from "../backline/js/i18n.js";

/**
 * @import { Rights } from "../client/types.d.ts"
 * @import { Hearts } from "./hearts.js"
 * @import { Line } from "./queue-lines.js"
 */

/** The place of a retried row is kept for this long, so that a second press does not hit the next row. */
const KEPT_MS = 2_000;

/** A row is one tab stop: the arrow keys lead to its buttons. */
export function buildRow() {
  const tab = { type: "button", tabindex: "-1" };
  const cell = (/** @type {string} */ name, /** @type {Node[]} */ ...children) => element("span", { class: name, role: "gridcell" }, ...children);
  const handle = element("button", { ...tab, class: "handle" }, icon("grip-vertical"));
  const retry = element("button", { ...tab, class: "button button-quiet button-small row-retry" }, icon("rotate-ccw"), gettext("Retry"));
  const heart = element("button", { ...tab, class: "icon-button heart row-heart" }, icon("heart"));
  const more = element("button", { ...tab, class: "icon-button row-more", "aria-haspopup": "menu" }, icon("ellipsis-vertical"));
  const art = cell("row-art", element("span", { class: "art art-row" }), element("span", { class: "tick", "aria-hidden": "true" }, icon("check")));
  const line = cell("line", element("span", { class: "line-title", dir: "auto" }), element("span", { class: "line-sub" }));
  return element("div", { class: "row", role: "row", tabindex: "-1" },
    cell("row-handle", handle, element("span", { class: "row-count", "aria-hidden": "true" })), art, line, cell("row-time"), cell("row-acts", retry, heart, more));
}

/**
 * @param {HTMLElement} node
 * @param {Line} line
 * @param {{can: Rights | null, hearts: Hearts, selected: boolean | null}} shown `selected`: null if it cannot be selected
 */
export function fillRow(node, line, { can, hearts, selected }) {
  const [grip, art, text, time, acts] = /** @type {HTMLElement[]} */ ([...node.children]);
  const [retry, heart, more] = /** @type {HTMLButtonElement[]} */ ([...acts.children]);
  const [title, sub] = /** @type {HTMLElement[]} */ ([...text.children]);
  const handle = /** @type {HTMLElement} */ (grip.firstElementChild);
  const failed = line.state === "failed" || line.state === "retrying";
  const name = { title: isolated(line.title) };
  node.dataset.state = line.state;
  node.dataset.key = line.key;
  node.dataset.title = line.title;
  node.toggleAttribute("data-failed", failed);
  setAttribute(node, "data-item-id", line.item?.id);
  setAttribute(node, "aria-selected", selected === null ? null : String(selected));
  showArtwork(/** @type {HTMLElement} */ (art.firstElementChild), line.track);
  setText(title, line.title);
  setAttribute(title, "title", line.title);
  fillWords(sub, line);
  setText(time, line.track?.is_live ? gettext("live") : line.track?.duration_ms ? duration(line.track.duration_ms) : "");
  // Buttons stay while a change is on its way, because hiding one would drop its focus.
  handle.style.visibility = line.item && !failed && can?.move !== false ? "" : "hidden";
  setAttribute(handle, "aria-label", interpolate(gettext("Move %(title)s"), name));
  retry.hidden = !failed || can?.add === false;
  setAttribute(retry, "disabled", line.state === "retrying");
  setAttribute(retry, "aria-label", interpolate(gettext("Retry %(title)s"), name));
  hearts.fill(heart, failed ? null : line.track);
  more.style.visibility = line.item ? "" : "hidden";
  setAttribute(more, "aria-label", interpolate(gettext("More for %(title)s"), name));
}

/** Make the placeholder that is shown for a moment in place of a row. @param {HTMLElement} row that was retried */
export function keptPlace(row) {
  const node = element("div", { class: "row-kept", "data-kept": true, "aria-hidden": "true" },
    ...interpolateNodes(gettext("Added again: %(title)s"), { title: element("bdi", {}, row.dataset.title ?? "") }));
  node.style.height = `${row.offsetHeight}px`;
  setTimeout(() => node.remove(), KEPT_MS);
  return node;
}

/** Who, what and when, each in its own direction of writing. @param {HTMLElement} sub @param {Line} line */
function fillWords(sub, { person, mine, words, when }) {
  const parts = [person, ...words].filter(Boolean);
  const key = `${mine} ${parts.join("\n")} ${when}`;
  if (sub.dataset.drawn === key) return;
  sub.dataset.drawn = key;
  const nodes = parts.flatMap((part, place) => {
    const node = element("bdi", { class: part === person && !place && mine ? "mine" : null }, part);
    return place ? [" · ", node] : [node];
  });
  const rest = when ? [element("span", { class: "line-when" }, `${nodes.length ? " · " : ""}${when}`)] : [];
  sub.replaceChildren(element("span", { class: "line-who" }, ...nodes), ...rest);
}

/** The keys of the queue: they act on the row that has the focus. */

import { announce } from "../backline/js/announce.js";
import { keyOf } from "./menu.js";

/** @import { QueueView } from "./queue-view.js" */

const PAGE = 8;
/** @type {Record<string, number>} */
const STEPS = { ArrowUp: -1, ArrowDown: 1, PageUp: -PAGE, PageDown: PAGE, Home: -Infinity, End: Infinity };

/** @param {KeyboardEvent} event @param {QueueView} view */
export function pressed(event, view) {
  const target = /** @type {HTMLElement} */ (event.target);
  const at = view.indexOf(target);
  if (at < 0 || event.isComposing) return;
  if ((view.lift ? liftedKey : rowKey)(event, view, target, at)) event.preventDefault();
}

/** @param {KeyboardEvent} event @param {QueueView} view @param {HTMLElement} target @param {number} at @returns {boolean} whether the key does something */
function rowKey(event, view, target, at) {
  const line = view.lineAt(at);
  const key = keyOf(event);
  const selectable = line.item && line.state === "queued";
  const onButton = target.matches("button") && (event.key === "Enter" || event.key === " ");
  if (onButton && !target.matches(".handle")) return false;
  if (key === " " || (onButton && key === "Enter")) return lift(view, at);
  if (key in STEPS) view.focus(at + STEPS[key], columnOf(target));
  else if (key === "ArrowRight" || key === "ArrowLeft") sideways(view, target, key === "ArrowRight" ? 1 : -1);
  else if ((key === "Shift+ArrowDown" || key === "Shift+ArrowUp") && selectable && line.item) extend(view, at, key === "Shift+ArrowDown" ? 1 : -1);
  else if (key === "x" && selectable && line.item) view.selection.toggle(line.item.id);
  else if (key === "Ctrl+a") view.selection.selectAll(view.rows);
  else if (key === "Escape" && view.selection.size) view.selection.clear();
  else {
    const entry = view.entriesOf(line).find((each) => each.key === key);
    if (!entry || entry.off) return false;
    entry.act();
  }
  return true;
}

/** The class of the control that has the focus, so that the next row's gets it. @param {HTMLElement} target */
function columnOf(target) {
  return ["handle", "row-heart", "row-more"].find((name) => target.classList.contains(name)) ?? "";
}

/** @param {QueueView} view @param {HTMLElement} target @param {number} step */
function sideways(view, target, step) {
  const row = /** @type {HTMLElement} */ (target.closest(".row"));
  const stops = [row, ...view.controlsOf(row)];
  stops[Math.max(0, Math.min(stops.indexOf(target) + step, stops.length - 1))].focus();
}

/** Extend the selection by one row. @param {QueueView} view @param {number} at @param {number} step */
function extend(view, at, step) {
  const { item } = view.lineAt(at);
  if (item) view.selection.startAt(item.id);
  view.focus(at + step);
  const next = view.lineAt(Math.max(0, Math.min(at + step, view.length - 1)));
  if (next.item && next.state === "queued") view.selection.extendTo(next.item.id, view.rows);
}

/** @param {QueueView} view @param {number} at */
function lift(view, at) {
  const line = view.lineAt(at);
  if (!line.item || line.state !== "queued" || !view.liftUp(line.item.id)) return true;
  announce(view.liftWords(line));
  return true;
}

/** @param {KeyboardEvent} event @param {QueueView} view @returns {boolean} */
function liftedKey(event, view) {
  const { key } = event;
  if (view.liftedY !== null) { // a pointer drags it
    if (key === "Escape") view.putBack();
    return true;
  }
  if (key in STEPS) {
    const place = view.lift?.place(view.rows) ?? 0;
    view.liftTo(Math.max(0, Math.min(place + STEPS[key], view.length)));
    view.followLift();
    announce(view.placeWords);
  } else if (key === " " || key === "Enter") view.drop();
  else if (key === "Escape") view.putBack();
  else return key !== "Tab";
  return true;
}

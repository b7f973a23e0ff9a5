/** Dragging rows by their handle with a mouse, pen or finger; with a finger also selecting (long press) and removing (swipe). */

import { element, icon } from "../backline/js/dom.js";

/**
 * @import { QueueView } from "./queue-view.js"
 * @import { Line } from "./queue-lines.js"
 */

/** Less than this is a press, not a drag. */
const SLACK_PX = 5;
const LONG_PRESS_MS = 500;
/** So near to the edge the page scrolls, and this fast at most in each frame. */
const EDGE_PX = 96;
const SCROLL_PX = 18;
/** How much of the removal stays uncovered. */
const UNCOVERED_PX = 112;

/** @param {HTMLElement} grid @param {QueueView} view */
export function makeDraggable(grid, view) {
  grid.addEventListener("pointerdown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const at = view.indexOf(target);
    if (at < 0 || event.button !== 0 || !event.isPrimary) return;
    const line = view.lineAt(at);
    if (!line.item || line.state !== "queued") return;
    if (target.closest(".handle")) drag(grid, view, event, line);
    else if (event.pointerType === "touch" && !target.closest("button")) touch(grid, view, event, line);
  });
}

/** @param {HTMLElement} grid @param {QueueView} view @param {PointerEvent} down @param {Line} line */
function drag(grid, view, down, line) {
  const id = /** @type {NonNullable<Line["item"]>} */ (line.item).id;
  const row = /** @type {HTMLElement} */ (/** @type {HTMLElement} */ (down.target).closest(".row"));
  const grabbed = down.clientY - row.getBoundingClientRect().top;
  let y = down.clientY;
  let frame = 0;
  const over = new AbortController();
  const { signal } = over;
  const follow = () => {
    const { top, rowPx } = view.geometry;
    view.liftedY = y - grabbed - top;
    view.liftTo(Math.round(view.liftedY / rowPx));
  };
  const scroll = () => {
    if (!view.lift) return;
    const speed = edgeSpeed(y);
    if (speed) {
      scrollBy({ top: speed, behavior: "instant" });
      follow();
    }
    frame = requestAnimationFrame(scroll);
  };
  const end = (/** @type {boolean} */ dropped) => {
    over.abort();
    cancelAnimationFrame(frame);
    if (!view.lift) return;
    if (dropped) view.drop();
    else view.putBack();
  };
  grid.setPointerCapture(down.pointerId); // the grid, because drawing may move the row
  grid.addEventListener("pointermove", (event) => {
    y = event.clientY;
    if (!view.lift) {
      if (Math.abs(y - down.clientY) < SLACK_PX) return;
      if (frame || !view.liftUp(id)) return end(false); // it is gone, or may not be moved
      frame = requestAnimationFrame(scroll);
    }
    follow();
  }, { signal });
  grid.addEventListener("pointerup", () => end(true), { signal });
  grid.addEventListener("lostpointercapture", () => end(false), { signal });
  // Without the focus on the handle, Escape would not reach the rows.
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    end(false);
  }, { signal, capture: true });
}

/** @param {number} y of the pointer @returns {number} pixels to scroll in this frame */
function edgeSpeed(y) {
  const bottom = innerHeight - (document.getElementById("player")?.offsetHeight ?? 0);
  const top = document.querySelector(".site-header")?.getBoundingClientRect().bottom ?? 0;
  if (y < top + EDGE_PX) return -SCROLL_PX * Math.min(1, (top + EDGE_PX - y) / EDGE_PX);
  if (y > bottom - EDGE_PX) return SCROLL_PX * Math.min(1, (y - bottom + EDGE_PX) / EDGE_PX);
  return 0;
}

/** A finger on a row: a long press selects it, and moving to the left uncovers its removal. @param {HTMLElement} grid @param {QueueView} view @param {PointerEvent} down @param {Line} line */
function touch(grid, view, down, line) {
  const id = /** @type {NonNullable<Line["item"]>} */ (line.item).id;
  const over = new AbortController();
  const { signal } = over;
  const timer = setTimeout(() => {
    over.abort();
    view.selection.toggle(id);
    // The tap that ends the press, if the browser reports one, would select it again.
    const next = new AbortController();
    grid.addEventListener("click", (event) => event.stopPropagation(), { once: true, capture: true, signal: next.signal });
    grid.addEventListener("pointerdown", () => next.abort(), { once: true, capture: true });
  }, LONG_PRESS_MS);
  const end = () => {
    clearTimeout(timer);
    over.abort();
  };
  grid.addEventListener("pointermove", (event) => {
    const [x, y] = [event.clientX - down.clientX, event.clientY - down.clientY];
    if (Math.hypot(x, y) <= SLACK_PX) return;
    end();
    if (-x > Math.abs(y)) swipe(grid, view, down, line);
  }, { signal });
  for (const name of ["pointerup", "pointercancel"]) grid.addEventListener(name, end, { signal });
}

/** @param {HTMLElement} grid @param {QueueView} view @param {PointerEvent} down @param {Line} line */
function swipe(grid, view, down, line) {
  const row = /** @type {HTMLElement} */ (/** @type {HTMLElement} */ (down.target).closest(".row"));
  const removal = view.entriesOf(line).find(({ key }) => key === "Delete");
  if (!removal) return;
  const button = element("button", { class: "row-uncovered", type: "button", tabindex: "-1" }, icon("trash-2"), removal.words);
  row.append(element("span", { class: "row-under", role: "gridcell" }, button));
  row.toggleAttribute("data-swiped", true);
  let x = 0;
  const over = new AbortController();
  const { signal } = over;
  const close = () => {
    over.abort();
    row.querySelector(".row-under")?.remove();
    row.removeAttribute("data-swiped");
    row.style.translate = "";
  };
  const remove = () => {
    close();
    removal.act();
  };
  button.addEventListener("click", remove, { signal });
  grid.setPointerCapture(down.pointerId);
  grid.addEventListener("pointermove", (event) => {
    x = Math.min(0, event.clientX - down.clientX);
    row.style.translate = `${x}px`;
  }, { signal });
  grid.addEventListener("pointercancel", close, { signal });
  grid.addEventListener("pointerup", () => {
    if (-x > row.offsetWidth / 2) return remove();
    if (-x < UNCOVERED_PX) return close();
    row.style.translate = `${-UNCOVERED_PX}px`;
    addEventListener("pointerdown", (event) => { if (event.target !== button) close(); }, { signal, capture: true });
  }, { signal, once: true });
}

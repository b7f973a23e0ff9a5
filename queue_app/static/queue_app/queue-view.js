/**
 * The queue: a grid (WAI-ARIA 1.2) whose rows are one tab stop. Of a long queue only the rows near the viewport are in
 * the page; the others are room for the scrollbar.
 */

import { announce, toast } from "../backline/js/announce.js";
import { byId, setAttribute, setText } from "../backline/js/dom.js";
import { isolated } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { pressed } from "./queue-keys.js";
import { Lift } from "./queue-lift.js";
import { failedLine, queueLine, startsOf, summarize, unknownLine } from "./queue-lines.js";
import { buildRow, fillRow, keptPlace } from "./queue-row.js";
import { Selection } from "./queue-selection.js";

/**
 * @import { Row } from "../client/rows.js"
 * @import { Hearts } from "./hearts.js"
 * @import { Entry } from "./menu.js"
 * @import { Drawn, Line } from "./queue-lines.js"
 *
 * @typedef {object} On what rows do
 * @property {(line: Line) => Entry[]} entries the commands of a row
 * @property {(line: Line, at: {x: number, y: number} | null, anchor: HTMLElement) => void} menu
 * @property {(ids: string[], after: string | null) => void} drop
 * @property {(count: number) => void} need that many rows
 * @property {() => void} selected the selection has changed
 */

/** A queue of at most this many rows is in the page as a whole, so that the browser finds words in it. */
const WHOLE = 60;
/** How many rows are drawn above and below the viewport. */
const AROUND = 8;
/** How many rows are loaded ahead of the viewport. */
const AHEAD = 60;

export class QueueView {
  #grid = byId("queue");
  #top = byId("queue-failed");
  #body = byId("queue-rows");
  #empty = byId("queue-empty");
  #on;
  #hearts;
  /** @type {Map<string, HTMLElement>} */
  #nodes = new Map();
  /** @type {Drawn | null} */
  #drawn = null;
  /** @type {(number | null)[]} */
  #starts = [];
  /** The rows in the order in which they are shown. @type {Row[]} */
  #shown = [];
  /** The row that is the tab stop, and where it was last. */
  #active = { key: "", at: 0 };
  #frame = 0;
  /** How many rows are tracks that are being added. */
  #added = 0;
  /** @type {Lift | null} */
  lift = null;
  /** Where the lifted row is while a pointer drags it, in pixels from the top of the rows. @type {number | null} */
  liftedY = null;
  selection = new Selection(() => {
    this.#render();
    this.#on.selected();
  });

  /** @param {On & {hearts: Hearts}} on */
  constructor({ hearts, ...on }) {
    this.#on = on;
    this.#hearts = hearts;
    const soon = () => { this.#frame ||= requestAnimationFrame(() => this.#render()); };
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    this.#grid.addEventListener("keydown", (event) => pressed(event, this));
    this.#grid.addEventListener("focusin", (event) => this.#focused(/** @type {HTMLElement} */ (event.target)));
    this.#grid.addEventListener("focusout", (event) => {
      // Rows that were lifted by key are put back when the focus leaves. Drawing moves the focus only for a moment.
      if (this.lift && this.liftedY === null && !this.#grid.contains(/** @type {Node | null} */ (event.relatedTarget)) && !this.#drawing) this.putBack();
    });
    this.#grid.addEventListener("click", (event) => this.#clicked(event));
    this.#grid.addEventListener("contextmenu", (event) => this.#askedForMenu(event));
  }

  /** @param {Drawn} drawn */
  draw(drawn) {
    const count = this.#drawn && this.#count;
    this.#drawn = drawn;
    this.#added = drawn.rows.reduce((sum, { item }) => (item ? sum : sum + 1), 0);
    this.#starts = startsOf(drawn.rows, drawn);
    const before = this.selection.size;
    this.selection.keep(drawn.rows);
    const lifted = this.lift && this.#nodes.get(this.lift.lead)?.dataset.title;
    if (this.lift && !this.lift.follow(drawn.rows)) {
      this.#endLift("");
      toast(interpolate(gettext("“%(title)s” is no longer in the queue."), { title: isolated(lifted ?? "") }));
    }
    this.#render(count !== null && drawn.total + this.#added > count);
    if (before !== this.selection.size) this.#on.selected();
    const { failed, rows, total, can } = drawn;
    this.#grid.setAttribute("aria-busy", "false");
    const nothing = !failed.length && !rows.length && !total; // after a shuffle, the first rows may be loading
    this.#grid.hidden = nothing;
    this.#empty.hidden = !nothing;
    setText(this.#empty, can?.add === false ? gettext("The queue is empty.") : gettext("The queue is empty. Search above or paste a link."));
    setText(byId("queue-summary"), summarize(drawn));
  }

  // --- Rows and focus ---

  /** All rows of the queue, without failed ones, in order. */
  get rows() {
    return this.#drawn?.rows ?? [];
  }

  /** The row that is the tab stop. */
  get activeIndex() {
    return this.#active.at;
  }

  /** @returns {HTMLElement} */
  get #tabStop() {
    return this.#nodes.get(this.#active.key) ?? byId("search-input");
  }

  /** How many rows there are, with failed ones and those that are not loaded. */
  get length() {
    return (this.#drawn?.failed.length ?? 0) + this.#count;
  }

  /** How many rows the queue has, including those that are not loaded. */
  get #count() {
    if (!this.#drawn) return 0;
    const { rows, total } = this.#drawn;
    const hidden = this.lift ? rows.length - this.#shown.length : 0; // one row stands for all that are lifted
    return Math.max(this.#shown.length, total + this.#added - hidden);
  }

  /** @param {Element} node in a row @returns {number} -1 if it is in none */
  indexOf(node) {
    const key = /** @type {HTMLElement | null} */ (node.closest(".row"))?.dataset.key;
    return key === undefined ? -1 : this.#indexOfKey(key);
  }

  /** @param {string} key */
  #indexOfKey(key) {
    const failed = this.#drawn?.failed ?? [];
    const among = failed.findIndex(({ item }) => `failed ${item.id}` === key);
    if (among >= 0) return among;
    if (key.startsWith("unknown ")) return failed.length + Number(key.slice(8));
    const at = this.#shown.findIndex((row) => row.key === key);
    return at < 0 ? -1 : failed.length + at;
  }

  /** @param {number} index @returns {Line} */
  lineAt(index) {
    const { failed, live } = /** @type {Drawn} */ (this.#drawn);
    if (index < failed.length) return failedLine(failed[index], live);
    const place = index - failed.length;
    const row = this.#shown[place];
    if (!row) return unknownLine(place);
    return queueLine(row, this.lift ? { place: -1, startsMs: null, live } : { place, startsMs: this.#starts[place], live });
  }

  /** @param {Line} line */
  entriesOf(line) {
    return this.#on.entries(line);
  }

  /** Move the focus to a row, or to its control of that class. @param {number} index @param {string} [control] */
  focus(index, control = "") {
    if (!this.length) return;
    const at = Math.max(0, Math.min(index, this.length - 1));
    this.#active = { key: this.lineAt(at).key, at };
    this.#render();
    const node = this.#nodes.get(this.#active.key);
    if (!node) return;
    node.scrollIntoView({ block: "nearest" });
    const part = control ? /** @type {HTMLElement | null} */ (node.querySelector(`.${control}`)) : null;
    (part && isShown(part) ? part : node).focus({ preventScroll: true });
  }

  /** The controls of a row that can be used. @param {Element} row @returns {HTMLElement[]} */
  controlsOf(row) {
    return [.../** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll("button:not(:disabled)"))].filter(isShown);
  }

  /** Scroll to the viewer's first unsent change. */
  showChanges() {
    const states = new Set(["waiting", "removing", "moving", "retrying"]);
    for (let index = 0; index < (this.#drawn?.failed.length ?? 0) + this.#shown.length; index++) {
      if (states.has(this.lineAt(index).state)) {
        this.focus(index);
        return;
      }
    }
  }

  /** @param {HTMLElement} target */
  #focused(target) {
    const at = this.indexOf(target);
    if (at < 0) return;
    const key = /** @type {HTMLElement} */ (target.closest(".row")).dataset.key ?? "";
    this.#nodes.get(this.#active.key)?.setAttribute("tabindex", "-1");
    this.#active = { key, at };
    this.#nodes.get(key)?.setAttribute("tabindex", "0");
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const at = this.indexOf(target);
    if (at < 0) return;
    const line = this.lineAt(at);
    const button = /** @type {HTMLElement | null} */ (target.closest("button"));
    if (button?.matches(".row-more")) this.#on.menu(line, null, button);
    else if (button?.matches(".row-retry")) this.#on.entries(line).find(({ key }) => key === "r")?.act();
    else if (!button && line.item && line.state === "queued") {
      const touch = /** @type {PointerEvent} */ (event).pointerType === "touch";
      if (event.shiftKey) this.selection.extendTo(line.item.id, this.rows);
      else if (event.ctrlKey || event.metaKey || (touch && this.selection.size)) this.selection.toggle(line.item.id);
      else this.selection.startAt(line.item.id);
    }
  }

  /** @param {MouseEvent} event */
  #askedForMenu(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const at = this.indexOf(target);
    if (at < 0 || event.shiftKey) return; // with Shift, the browser's own menu
    event.preventDefault();
    if (/** @type {PointerEvent} */ (event).pointerType === "touch") return; // a long press selects
    const row = /** @type {HTMLElement} */ (target.closest(".row"));
    const byKey = event.button !== 2;
    this.#on.menu(this.lineAt(at), byKey ? null : { x: event.clientX, y: event.clientY }, byKey ? /** @type {HTMLElement} */ (row.querySelector(".row-more")) : row);
  }

  // --- Lifted rows ---

  /** Lift a row, with all that are selected if it is one of them. @param {string} id @returns {boolean} */
  liftUp(id) {
    if (this.#drawn?.can?.move === false || this.lift) return false;
    const ids = this.selection.has(id) ? this.selection.of(this.rows).map(({ key }) => key) : [id];
    this.lift = new Lift(ids, this.rows, id);
    this.#grid.toggleAttribute("data-lifting", true);
    this.#render();
    return true;
  }

  /** @param {number} place among the rows of the queue */
  liftTo(place) {
    this.lift?.moveTo(this.rows, place);
    this.#render();
  }

  /** Scroll to the lifted row, which keeps the focus. */
  followLift() {
    this.#nodes.get(this.lift?.lead ?? "")?.scrollIntoView({ block: "nearest" });
  }

  /** Where the lifted row is, in words. */
  get placeWords() {
    const place = (this.lift?.place(this.rows) ?? 0) + 1;
    return interpolate(gettext("Position %(place)s of %(total)s"), { place, total: this.#count });
  }

  drop() {
    const { lift } = this;
    if (!lift) return;
    const changed = lift.changes(this.rows);
    const words = changed ? interpolate(gettext("Dropped. %(where)s."), { where: this.placeWords }) : gettext("Dropped in its old place.");
    if (changed) this.#on.drop(lift.ids, lift.after);
    this.#endLift(words);
  }

  putBack() {
    if (this.lift) this.#endLift(gettext("Put back in its old place."));
  }

  /** @param {string} words */
  #endLift(words) {
    this.lift = this.liftedY = null;
    this.#grid.removeAttribute("data-lifting");
    announce(words);
    this.#render();
    const at = this.#indexOfKey(this.#active.key);
    if (this.#grid.contains(document.activeElement) && at >= 0) this.#nodes.get(this.#active.key)?.scrollIntoView({ block: "nearest" });
  }

  // --- Drawing ---

  #drawing = false;

  /** @param {boolean} [arrived] whether rows were added */
  #render(arrived = false) {
    this.#frame = 0;
    if (!this.#drawn) return;
    const { rows, failed, hasMore } = this.#drawn;
    this.#shown = this.lift ? this.lift.arrange(rows) : rows;
    const count = this.#count;
    const [first, end] = this.#range(count);
    this.#keepActive();
    const places = new Set();
    for (let place = first; place < end; place++) places.add(place);
    const active = this.#active.at - failed.length;
    if (active >= 0 && active < count) places.add(active);
    const lifted = this.lift?.place(rows);
    if (lifted !== undefined) places.add(lifted);
    const focused = /** @type {HTMLElement | null} */ (this.#grid.contains(document.activeElement) ? document.activeElement : null);
    this.#drawing = true;
    this.#leave(new Set([...failed.keys(), ...[...places].map((place) => failed.length + place)].map((index) => this.lineAt(index).key)));
    this.#fillGroup(this.#top, [...failed.keys()], arrived);
    this.#fillGroup(this.#body, [...places].sort((one, other) => one - other).map((place) => failed.length + place), arrived);
    this.#body.style.height = `calc(${count} * var(--row))`;
    setAttribute(this.#grid, "aria-rowcount", String(failed.length + count));
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true }); // it was moved
    this.#drawing = false;
    if (hasMore && end + AHEAD > this.#shown.length) this.#on.need(end + AHEAD);
  }

  /** The rows near the viewport. @param {number} count */
  #range(count) {
    if (count <= WHOLE) return [0, count];
    const { top, height } = this.#body.getBoundingClientRect();
    const rowPx = count && height ? Math.max(height / count, 1) : 64;
    const clamp = (/** @type {number} */ place) => Math.max(0, Math.min(place, count));
    return [clamp(Math.floor(-top / rowPx) - AROUND), clamp(Math.ceil((innerHeight - top) / rowPx) + AROUND)];
  }

  /** Keep the tab stop on its row, or where it was. */
  #keepActive() {
    const at = this.#indexOfKey(this.#active.key);
    if (at >= 0) this.#active.at = at;
    else if (this.length) {
      const near = Math.min(this.#active.at, this.length - 1);
      this.#active = { key: this.lineAt(near).key, at: near };
    }
  }

  /** Remove rows that are not shown any more, and move their focus to the tab stop. @param {Set<string>} keep */
  #leave(keep) {
    for (const [key, node] of this.#nodes) {
      if (keep.has(key)) continue;
      this.#nodes.delete(key);
      if (node.dataset.state === "retrying") node.before(keptPlace(node));
      const focused = node.contains(document.activeElement);
      node.remove();
      if (focused) queueMicrotask(() => this.#tabStop.focus({ preventScroll: true }));
    }
  }

  /** @param {HTMLElement} group @param {number[]} indexes ascending @param {boolean} arrived */
  #fillGroup(group, indexes, arrived) {
    const { can, failed } = /** @type {Drawn} */ (this.#drawn);
    let at = group.firstElementChild;
    for (const index of indexes) {
      const line = this.lineAt(index);
      let node = this.#nodes.get(line.key);
      if (!node) {
        node = buildRow();
        node.toggleAttribute("data-new", arrived && line.state !== "loading");
        this.#nodes.set(line.key, node);
      }
      const selected = line.item && line.state !== "failed" && line.state !== "retrying" ? this.selection.has(line.item.id) : null;
      fillRow(node, line, { can, hearts: this.#hearts, selected });
      setAttribute(node, "aria-rowindex", String(index + 1));
      node.setAttribute("tabindex", line.key === this.#active.key ? "0" : "-1");
      if (group === this.#body) this.#put(node, line, index - failed.length);
      // A node that is in its place is not moved, because that would drop its focus and restart its animation.
      while (at?.hasAttribute("data-kept")) at = at.nextElementSibling;
      if (at === node) at = at.nextElementSibling;
      else group.insertBefore(node, at);
    }
  }

  /** @param {HTMLElement} node @param {Line} line @param {number} place */
  #put(node, line, place) {
    const lifted = this.lift !== null && line.item?.id === this.lift.lead;
    node.toggleAttribute("data-lifted", lifted);
    const dragged = lifted && this.liftedY !== null;
    node.toggleAttribute("data-dragged", dragged);
    node.style.transform = dragged ? `translateY(${this.liftedY}px)` : `translateY(calc(${place} * var(--row)))`;
    const count = node.querySelector(".row-count");
    if (count) setText(count, lifted && this.lift && this.lift.ids.length > 1 ? String(this.lift.ids.length) : "");
  }

  /** The rows' top edge in the viewport, and the height of one. */
  get geometry() {
    const { top, height } = this.#body.getBoundingClientRect();
    return { top, rowPx: height / Math.max(1, this.#count) };
  }

  /** What is lifted, in words. @param {Line} line */
  liftWords(line) {
    const many = this.lift?.ids.length ?? 1;
    const title = isolated(line.title);
    const what = many > 1 ? interpolate(gettext("Lifted %(count)s tracks."), { count: many }) : interpolate(gettext("Lifted %(title)s."), { title });
    const how = gettext("Move with the arrow keys, drop with Space, put back with Escape.");
    return `${what} ${this.placeWords}. ${how}`;
  }
}

/** @param {HTMLElement} part */
function isShown(part) {
  return part.checkVisibility?.({ checkVisibilityCSS: true }) ?? part.offsetParent !== null;
}

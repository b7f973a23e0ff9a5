/**
 * A part of the page that the server renders, kept current: the page is fetched again, and what differs is replaced.
 *
 * The new page comes from the same templates as the first one, which escape all data. Scripts in it do not run.
 */

import { byId, setAttribute } from "./dom.js";

/** The first event is shown at once. While more follow, the page is fetched no more often than this. */
const PAUSE_MS = 3_000;
const FIRST_MS = 150;

export class LivePart {
  #part;
  #prepare;
  /** As the server sent them: scripts change what is shown. @type {WeakMap<Element, Element>} */
  #sent = new WeakMap();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #at = -Infinity;
  /** Whether something happened while nobody could see the page. */
  #old = false;
  #reads = 0;

  /**
   * @param {string} id of an element with `data-keyed`: its children have a `data-key` each, by which they are known
   *   again, and those with `data-keyed` are compared child by child
   * @param {(node: Element) => void} [prepare] called with each new child, for what needs a script
   */
  constructor(id, prepare = () => {}) {
    this.#part = byId(id);
    this.#prepare = prepare;
    this.#note(this.#part);
    document.addEventListener("visibilitychange", () => {
      if (this.#old && !document.hidden) this.soon();
    });
  }

  /** Refresh soon, or when the page is next seen. Several calls cause one refresh. */
  soon() {
    this.#old = document.hidden;
    if (this.#timer !== undefined || this.#old) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.refresh();
    }, Math.max(FIRST_MS, this.#at + PAUSE_MS - performance.now()));
  }

  /** @returns {Promise<void>} without an error: if the server cannot be reached, what is shown stays */
  async refresh() {
    const read = ++this.#reads;
    this.#at = performance.now();
    let response, text;
    try {
      response = await fetch(location.href, { headers: { Accept: "text/html" } });
      text = await response.text();
    } catch {
      return;
    }
    if (read !== this.#reads) return;
    if (response.status === 404 || response.status === 403) return location.reload();
    const fresh = response.ok && new DOMParser().parseFromString(text, "text/html").getElementById(this.#part.id);
    if (fresh) this.#merge(this.#part, fresh);
  }

  /** @param {Element} parent */
  #note(parent) {
    for (const child of parent.children) {
      this.#sent.set(child, /** @type {Element} */ (child.cloneNode(true)));
      if (child.hasAttribute("data-keyed")) this.#note(child);
      else this.#prepare(child);
    }
  }

  /** @param {Element} parent @param {Element} fresh */
  #merge(parent, fresh) {
    const known = new Map([...parent.children].map((child) => [child.getAttribute("data-key"), child]));
    const wanted = [...fresh.children].map((child) => this.#match(child, known.get(child.getAttribute("data-key"))));
    const focus = this.#focusIn(parent);
    const kept = new Set(wanted);
    for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
    let next = parent.firstElementChild;
    for (const child of wanted) {
      if (child === next) next = next.nextElementSibling;
      else parent.insertBefore(child, next);
    }
    focus();
  }

  /** @param {Element} fresh @param {Element | undefined} known @returns {Element} what to show: the known one if it is the same */
  #match(fresh, known) {
    if (known && this.#sent.get(known)?.isEqualNode(fresh)) return known;
    const copy = /** @type {Element} */ (fresh.cloneNode(true));
    if (known?.hasAttribute("data-keyed") && fresh.hasAttribute("data-keyed")) {
      this.#merge(known, fresh);
      this.#sent.set(known, copy);
      return known;
    }
    const node = /** @type {Element} */ (document.importNode(fresh, true));
    const before = known?.querySelectorAll("details");
    node.querySelectorAll("details").forEach((each, at) => { each.open ||= before?.[at]?.open ?? false; });
    this.#sent.set(node, copy);
    if (node.hasAttribute("data-keyed")) this.#note(node);
    else this.#prepare(node);
    return node;
  }

  /** Remember what has the focus. @param {Element} parent @returns {() => void} gives the focus to its replacement */
  #focusIn(parent) {
    const { activeElement } = document;
    const child = activeElement?.closest("[data-key]");
    if (!activeElement || !child || child.parentElement !== parent) return () => {};
    const place = [...parent.children].indexOf(child);
    return () => {
      if (document.contains(activeElement)) return;
      const again = parent.querySelector(`[data-key="${CSS.escape(child.getAttribute("data-key") ?? "")}"]`) ?? parent.children[place];
      const target = again?.querySelector("button:not([hidden]), a[href]") ?? this.#part;
      if (target === this.#part) setAttribute(target, "tabindex", "-1");
      /** @type {HTMLElement} */ (target).focus();
    };
  }
}

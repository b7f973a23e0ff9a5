/** The rows that are selected, by the ids of their items. */

/** @import { Row } from "../client/rows.js" */

/** The most that a command takes. */
const MOST = 1_000;

export class Selection {
  /** @type {Set<string>} */
  #ids = new Set();
  /** Where a range begins. @type {string | null} */
  #anchor = null;
  #onChange;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  get size() {
    return this.#ids.size;
  }

  /** @param {string} id */
  has(id) {
    return this.#ids.has(id);
  }

  /** @param {string} id */
  toggle(id) {
    if (!this.#ids.delete(id) && this.#ids.size < MOST) this.#ids.add(id);
    this.#anchor = id;
    this.#onChange();
  }

  /** Select the rows from the last one that was selected to this one. @param {string} id @param {Row[]} rows */
  extendTo(id, rows) {
    const ids = idsOf(rows);
    const to = ids.indexOf(id);
    const from = this.#anchor === null ? to : ids.indexOf(this.#anchor);
    if (to < 0) return;
    const [first, last] = [Math.min(from < 0 ? to : from, to), Math.max(from, to)];
    this.#ids = new Set(ids.slice(first, last + 1).slice(0, MOST));
    this.#anchor ??= id;
    this.#onChange();
  }

  /** Where a range begins that is extended from here. @param {string} id */
  startAt(id) {
    if (!this.#ids.size) this.#anchor = id;
  }

  /** @param {Row[]} rows */
  selectAll(rows) {
    this.#ids = new Set(idsOf(rows).slice(0, MOST));
    this.#onChange();
  }

  clear() {
    if (!this.#ids.size) return;
    this.#ids.clear();
    this.#anchor = null;
    this.#onChange();
  }

  /** Forget rows that are gone. @param {Row[]} rows */
  keep(rows) {
    if (!this.#ids.size) return;
    const present = new Set(idsOf(rows));
    this.#ids = new Set([...this.#ids].filter((id) => present.has(id)));
  }

  /** The selected rows in the order of the queue. @param {Row[]} rows */
  of(rows) {
    return rows.filter(({ item }) => item && this.#ids.has(item.id));
  }
}

/** @param {Row[]} rows @returns {string[]} the items that can be selected */
function idsOf(rows) {
  return rows.flatMap(({ item, removing }) => (item && !removing ? [item.id] : []));
}

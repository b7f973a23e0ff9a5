/** Rows that were lifted and not dropped yet. Their place is kept by its neighbor, because others may change the queue meanwhile. */

/** @import { Row } from "../client/rows.js" */

export class Lift {
  /** In the order of the queue. @type {string[]} */
  ids;
  /** @type {string} */
  lead;
  /** The item that they would follow; null for the front. @type {string | null} */
  after;
  /** The other items in order, to find a neighbor if `after` is gone. @type {string[]} */
  #known;

  /** @param {string[]} ids @param {Row[]} rows @param {string} lead the one that stands for all */
  constructor(ids, rows, lead) {
    this.ids = ids;
    this.lead = lead;
    this.#known = this.#others(rows);
    const place = rows.findIndex(({ item }) => item?.id === lead);
    this.after = this.#itemBefore(this.#rest(rows), this.#rest(rows.slice(0, place)).length);
  }

  /** @param {Row[]} rows */
  #rest(rows) {
    const lifted = new Set(this.ids);
    return rows.filter(({ item }) => !item || !lifted.has(item.id));
  }

  /** @param {Row[]} rows @returns {string[]} */
  #others(rows) {
    return this.#rest(rows).flatMap(({ item }) => (item ? [item.id] : []));
  }

  /** @param {Row[]} rest @param {number} place @returns {string | null} */
  #itemBefore(rest, place) {
    return rest.slice(0, place).findLast(({ item }) => item)?.item?.id ?? null;
  }

  /** The rows as they would be, with one row for all that are lifted. @param {Row[]} rows @returns {Row[]} */
  arrange(rows) {
    const rest = this.#rest(rows);
    const lead = rows.find(({ item }) => item?.id === this.lead);
    if (!lead) return rest;
    const place = this.#placeIn(rest);
    return [...rest.slice(0, place), lead, ...rest.slice(place)];
  }

  /** @param {Row[]} rest */
  #placeIn(rest) {
    return this.after === null ? 0 : rest.findIndex(({ item }) => item?.id === this.after) + 1;
  }

  /** The index that the lifted row has among the arranged rows. @param {Row[]} rows */
  place(rows) {
    return this.#placeIn(this.#rest(rows));
  }

  /** Put it at an index among the arranged rows. @param {Row[]} rows @param {number} place */
  moveTo(rows, place) {
    const rest = this.#rest(rows);
    this.after = this.#itemBefore(rest, Math.max(0, Math.min(place, rest.length)));
  }

  /**
   * Follow a queue that others have changed.
   * @param {Row[]} rows
   * @returns {boolean} false if none of the lifted rows is left
   */
  follow(rows) {
    const present = new Set(rows.flatMap(({ item, removing }) => (item && !removing ? [item.id] : [])));
    this.ids = this.ids.filter((id) => present.has(id));
    if (!this.ids.includes(this.lead)) this.lead = this.ids[0] ?? this.lead;
    if (this.after !== null && !present.has(this.after)) {
      const before = this.#known.slice(0, this.#known.indexOf(this.after));
      this.after = before.findLast((id) => present.has(id)) ?? null;
    }
    this.#known = this.#others(rows);
    return this.ids.length > 0;
  }

  /** Whether dropping them here changes the order. @param {Row[]} rows */
  changes(rows) {
    const order = rows.flatMap(({ item }) => (item ? [item.id] : []));
    const rest = order.filter((id) => !this.ids.includes(id));
    const place = this.after === null ? 0 : rest.indexOf(this.after) + 1;
    const dropped = [...rest.slice(0, place), ...order.filter((id) => this.ids.includes(id)), ...rest.slice(place)];
    return dropped.some((id, at) => id !== order[at]);
  }
}

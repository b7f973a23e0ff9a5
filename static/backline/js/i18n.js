/**
 * Translations of what page scripts show. Django's JavaScriptCatalog is loaded before every module; where there is no
 * catalog, as in Node, the English text is the translation.
 */

/** @typedef {{gettext: (text: string) => string, ngettext: (one: string, many: string, count: number) => string}} Catalog */

const { django: catalog } = /** @type {{django?: Catalog}} */ (/** @type {unknown} */ (globalThis));

/** @param {string} text a literal, so that it is found and put into the catalog @returns {string} */
export function gettext(text) {
  return catalog ? catalog.gettext(text) : text;
}

/** @param {string} one @param {string} many @param {number} count @returns {string} with `%(count)s` still in it */
export function ngettext(one, many, count) {
  if (catalog) return catalog.ngettext(one, many, count);
  return count === 1 ? one : many;
}

/**
 * Fill in the placeholders of a translated text.
 * @param {string} text with placeholders such as `%(name)s`
 * @param {Record<string, string | number>} values by the placeholders' names
 */
export function interpolate(text, values) {
  return interpolateNodes(text, values).join("");
}

/**
 * Fill in the placeholders of a translated text with parts of a page.
 * @template {Node | string | number} T
 * @param {string} text as for `interpolate`
 * @param {Record<string, T>} values
 * @returns {(T | string)[]} to be children of an element
 */
export function interpolateNodes(text, values) {
  return text.split(/%\((\w+)\)s/).map((part, place) => (place % 2 ? values[part] : part));
}

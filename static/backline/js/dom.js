/** Small ways to the DOM. Text only ever becomes text nodes: data is never parsed as HTML. */

import { initialOf } from "./format.js";

/**
 * The element of that id, which the template promises.
 * @template {Element} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}.`);
  return /** @type {T} */ (/** @type {unknown} */ (element));
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | boolean | null | undefined>} [attributes] `true` sets it empty; null,
 *   undefined and false leave it out
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...children);
  return node;
}

/**
 * @param {Element} node
 * @param {string} name
 * @param {string | boolean | null | undefined} value
 */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

/** Write only what differs: a live region speaks, and a selection breaks, when text is replaced. */
/** @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} name of a symbol in static/vendor/lucide/sprite.svg, which is a part of each page */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** @param {{name: string, avatar_url?: string | null, id?: string | null}} person */
export function avatar({ id, name, avatar_url }) {
  const picture = element("span", { class: id ? `avatar ${colorOf(id)}` : "avatar", "aria-hidden": "true" });
  if (avatar_url) picture.append(element("img", { src: avatar_url, alt: "" }));
  else picture.append(initialOf(name));
  return picture;
}

/** The class of a person's color: one of eight, always the same for the same id. As in config/templatetags/names.py. @param {string} id */
export function colorOf(id) {
  const number = /^\d+$/.test(id) ? BigInt(id) : 0n;
  return `p${(number >> 22n || number) % 8n + 1n}`;
}

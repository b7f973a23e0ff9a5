/** A track's picture, or a gradient that is always the same for the same title. */

import { element, icon } from "../backline/js/dom.js";

/** @import { Track } from "../client/types.d.ts" */

/**
 * @param {HTMLElement} frame an element of class `art`
 * @param {Track | null} track
 * @param {(color: string | null) => void} [onColor] called with the picture's color, for the elements around it
 * @param {string} [blank] the icon if there is no track
 */
export function showArtwork(frame, track, onColor = () => {}, blank = "music") {
  const source = track?.artwork_url ?? "";
  const key = track ? `${track.uri} ${source}` : blank;
  if (frame.dataset.key === key) return;
  frame.dataset.key = key;
  frame.replaceChildren(icon(track?.is_live ? "radio" : track ? "music" : blank));
  frame.toggleAttribute("data-empty", !track);
  if (!track) {
    onColor(null);
    return;
  }
  const hue = hueOf(track.title ?? track.uri);
  frame.style.setProperty("--hue", String(hue));
  onColor(`oklch(0.6 0.1 ${hue})`);
  if (!source) return;
  const picture = element("img", { alt: "", decoding: "async" });
  picture.addEventListener("load", () => {
    if (frame.dataset.key !== key) return;
    frame.replaceChildren(picture);
    onColor(mainColor(picture));
  });
  picture.src = source;
}

/** @param {string} text @returns {number} 0 to 359 */
function hueOf(text) {
  let hash = 7;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 100_003;
  return hash % 360;
}

/**
 * The average color, in which saturated pixels count more than gray ones.
 * @param {HTMLImageElement} picture
 * @returns {string | null} null when another origin's picture may not be read
 */
function mainColor(picture) {
  const side = 24;
  const canvas = element("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  context.drawImage(picture, 0, 0, side, side);
  let pixels;
  try {
    pixels = context.getImageData(0, 0, side, side).data;
  } catch (error) {
    if (error instanceof DOMException && error.name === "SecurityError") return null;
    throw error;
  }
  let red = 0, green = 0, blue = 0, sum = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    const [r, g, b] = [pixels[at], pixels[at + 1], pixels[at + 2]];
    const weight = 1 + Math.max(r, g, b) - Math.min(r, g, b);
    red += r * weight;
    green += g * weight;
    blue += b * weight;
    sum += weight;
  }
  return `rgb(${Math.round(red / sum)} ${Math.round(green / sum)} ${Math.round(blue / sum)})`;
}

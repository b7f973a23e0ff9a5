/** The pictures of tracks on pages that the server renders: the same pictures and gradients as on a guild's page. */

import { showArtwork } from "./artwork.js";

/** @import { Track } from "../client/types.d.ts" */

/** @param {Element} part with frames of class `art` that name their track @param {(color: string | null) => void} [onColor] */
export function drawArtwork(part, onColor) {
  for (const frame of /** @type {NodeListOf<HTMLElement>} */ (part.querySelectorAll(".art[data-uri]"))) {
    const { uri = "", title = "", art } = frame.dataset;
    const track = /** @type {Track} */ ({ uri, title, artwork_url: art || null, is_live: "live" in frame.dataset });
    showArtwork(frame, track, onColor);
  }
}

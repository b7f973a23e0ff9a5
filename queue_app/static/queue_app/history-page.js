/** The history of a guild: new plays appear, and each can be played again or kept as a favorite. */

import { isolated } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { attempt } from "./attempts.js";
import { Hearts } from "./hearts.js";
import { followPast, offer, rest } from "./past-parts.js";
import { drawArtwork } from "./sent-artwork.js";

/** @import { Track } from "../client/types.d.ts" */

const PLAYS = new Set(["TrackStarted", "TrackFinished", "TrackSkipped", "TrackFailed", "TrackRequeued", "TrackResolved"]);
const hearts = new Hearts({ rest, attempt });
const { store } = followPast(({ name }) => PLAYS.has(name), prepare);

/** @param {Element} row */
function prepare(row) {
  drawArtwork(row);
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (row.querySelectorAll("[data-act]"))) {
    const { act, item = "", uri = "", title = "" } = button.dataset;
    if (act === "heart") hearts.fill(button, /** @type {Track} */ ({ uri, title }));
    if (act !== "again") continue;
    button.hidden = false;
    button.setAttribute("aria-label", interpolate(gettext("Play %(title)s again"), { title: isolated(title) }));
    button.addEventListener("click", () => attempt(() => playAgain(button, item, title)));
  }
}

/** @param {HTMLButtonElement} button @param {string} item @param {string} title */
async function playAgain(button, item, title) {
  button.setAttribute("aria-busy", "true");
  try {
    const { seq } = await store.execute("RetryItem", { item_id: item });
    const words = interpolate(gettext("Added %(title)s to the queue."), { title: isolated(title) });
    offer(words, "Undo", () => attempt(() => store.execute("Undo", { seq })));
  } finally {
    button.removeAttribute("aria-busy");
  }
}

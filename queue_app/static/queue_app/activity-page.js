/** The activity of a guild: new changes appear, and each can be undone and redone. */

import { isolated } from "../backline/js/format.js";
import { gettext, interpolate, ngettext } from "../backline/js/i18n.js";
import { attempt, consequence } from "./attempts.js";
import { followPast, offer } from "./past-parts.js";

/** Steps of the bot, which are listed only if the page is asked for them (queue_app/event_kinds.py). */
const ROUTINE = new Set(["PlayerErrorChanged", "QueueRenumbered", "TrackFinished", "TrackResolved", "TrackStarted", "VoiceChanged"]);
const everything = new URLSearchParams(location.search).get("surface") === "bot";
const { store, part } = followPast(({ name, metadata }) => everything || metadata.via !== "bot" || !ROUTINE.has(name), prepare);

/** @param {Element} row */
function prepare(row) {
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (row.querySelectorAll("[data-act]"))) {
    const { act, seq, sentence = "" } = button.dataset;
    const name = act === "undo" ? "Undo" : "Redo";
    const change = sentence.replace(/\.$/, "");
    const words = name === "Undo" ? gettext("Undo: %(change)s") : gettext("Redo: %(change)s");
    button.hidden = false;
    button.setAttribute("aria-label", interpolate(words, { change: isolated(change) }));
    button.addEventListener("click", () => attempt(() => turn(button, name, Number(seq)), consequence(name, change)));
  }
}

/** @param {HTMLButtonElement | null} button @param {"Undo" | "Redo"} name @param {number} seq */
async function turn(button, name, seq) {
  button?.setAttribute("aria-busy", "true");
  try {
    const { result } = await store.execute(name, { seq });
    const missing = result.left_out.length;
    const done = name === "Undo" ? gettext("Undone.") : gettext("Redone.");
    const rest = interpolate(ngettext("%(count)s track could not be restored.", "%(count)s tracks could not be restored.", missing), { count: missing });
    const back = name === "Undo" ? "Redo" : "Undo";
    offer(missing ? `${done} ${rest}` : done, back, () => attempt(() => turn(null, back, seq)));
  } finally {
    button?.removeAttribute("aria-busy");
    part.soon(); // a refusal may be due to a change that is not shown yet
  }
}

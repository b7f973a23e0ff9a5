/** What the pages of the library and of playlists share: the server to play in, adding to its queue, and undoing. */

import { Client } from "../client/client.js";
import { newId } from "../client/ids.js";
import { toast } from "../backline/js/announce.js";
import { byId, element } from "../backline/js/dom.js";
import { isolated, trackCount } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

const REMEMBERED = "backline.library.guild";

export const client = new Client({ baseUrl: location.origin, userId: document.body.dataset.userId });
const chosen = /** @type {HTMLSelectElement | null} */ (document.getElementById("library-guild"));

if (chosen) {
  const before = localStorage.getItem(REMEMBERED);
  if ([...chosen.options].some(({ value }) => value === before)) chosen.value = before ?? "";
  chosen.addEventListener("change", () => localStorage.setItem(REMEMBERED, chosen.value));
}

for (const button of document.querySelectorAll("dialog [data-close]")) {
  button.addEventListener("click", () => button.closest("dialog")?.close());
}

/**
 * Say what was done, with a button that undoes it.
 * @param {string} text
 * @param {(() => Promise<unknown>) | null} undo
 */
export function told(text, undo = null) {
  const done = byId("done");
  done.replaceChildren(element("span", {}, text));
  done.hidden = false;
  if (!undo) return;
  const button = element("button", { class: "button button-quiet button-small", type: "button" }, gettext("Undo"));
  button.addEventListener("click", async () => {
    if (await attempt(button, undo)) done.hidden = true;
  });
  done.append(button);
}

/**
 * Do something for a button, which cannot be pressed meanwhile, and show why it failed.
 * @param {HTMLButtonElement | null} button
 * @param {() => Promise<unknown>} act
 * @returns {Promise<boolean>} whether it succeeded
 */
export async function attempt(button, act) {
  if (button) button.disabled = true;
  try {
    await act();
    return true;
  } catch (error) {
    toast(reasonOf(error));
    return false;
  } finally {
    if (button) button.disabled = false;
  }
}

/** Add a whole list to the queue of the chosen server. @param {HTMLButtonElement} button @param {string} uri @param {boolean} [shuffle] */
export async function playWhole(button, uri, shuffle = false) {
  await enqueue(button, "AddTracks", { from: uri, shuffle }, (result, guild) => {
    const left = result.left_out.length;
    const text = interpolate(gettext("Added %(tracks)s to the queue of %(guild)s."), { tracks: trackCount(result.added), guild });
    const rest = left ? interpolate(gettext("Left out: %(tracks)s."), { tracks: trackCount(left) }) : "";
    return `${text} ${rest}`.trim();
  });
}

/** Add one track to the queue of the chosen server. @param {HTMLButtonElement} button @param {string} uri @param {string} name */
export async function playOne(button, uri, name) {
  await enqueue(button, "AddTrack", { query: uri }, (_result, guild) =>
    interpolate(gettext("Added %(name)s to the queue of %(guild)s."), { name: isolated(name), guild }));
}

/**
 * Run a command that adds to the queue of the chosen server, and say what it did, with a button that undoes it.
 * @param {HTMLButtonElement} button
 * @param {string} name
 * @param {Record<string, unknown>} args
 * @param {(result: any, guild: string) => string} sentence
 */
async function enqueue(button, name, args, sentence) {
  if (!chosen) return;
  const path = `/api/guilds/${chosen.value}/commands`;
  const guild = isolated(chosen.selectedOptions[0].text);
  await attempt(button, async () => {
    const { seq, result } = await client.rest.post(path, { name, args }, { idempotencyKey: newId() });
    told(sentence(result, guild), () => client.rest.post(path, { name: "Undo", args: { seq } }, { idempotencyKey: newId() }));
  });
}

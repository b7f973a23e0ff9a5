/** The library: its buttons add tracks, albums, artists and folders to the queue of the chosen server. */

import { Client } from "../client/client.js";
import { newId } from "../client/ids.js";
import { announce, toast } from "../backline/js/announce.js";
import { isolated, trackCount } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

const REMEMBERED = "backline.library.guild";
const client = new Client({ baseUrl: location.origin, userId: document.body.dataset.userId });
const chosen = /** @type {HTMLSelectElement | null} */ (document.getElementById("library-guild"));

if (chosen) {
  const before = localStorage.getItem(REMEMBERED);
  if ([...chosen.options].some(({ value }) => value === before)) chosen.value = before ?? "";
  chosen.addEventListener("change", () => localStorage.setItem(REMEMBERED, chosen.value));
}

document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-add]");
  if (button instanceof HTMLButtonElement && chosen) add(button, chosen.value);
});

/** @param {HTMLButtonElement} button @param {string} guildId */
async function add(button, guildId) {
  const { add: uri = "", name = "" } = button.dataset;
  button.disabled = true;
  try {
    if (/^(album|artist|folder):/.test(uri)) {
      const { added } = await run(guildId, "AddTracks", { from: uri });
      announce(interpolate(gettext("Added %(count)s to the queue."), { count: trackCount(added) }));
    } else {
      await run(guildId, "AddTrack", { query: uri });
      announce(interpolate(gettext("Added %(name)s to the queue."), { name: isolated(name) }));
    }
    button.dataset.added = "";
  } catch (error) {
    toast(reasonOf(error));
  }
  button.disabled = false;
}

/** @param {string} guildId @param {string} name @param {Record<string, unknown>} args */
async function run(guildId, name, args) {
  const options = { idempotencyKey: newId() };
  const answer = await client.rest.post(`/api/guilds/${guildId}/commands`, { name, args }, options);
  return answer.result;
}

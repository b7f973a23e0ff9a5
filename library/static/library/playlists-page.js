/** The list of playlists: play, create, import, delete. */

import { newId } from "../client/ids.js";
import { byId, element, setText } from "../backline/js/dom.js";
import { isolated, trackCount } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";
import { attempt, client, playWhole, told } from "./playlist-parts.js";

const MAX_SHOWN = 50; // tracks that were not found or cannot be played

byId("playlists").addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("button");
  const row = button?.closest("li");
  if (!(button instanceof HTMLButtonElement) || !row) return;
  const { uri = "", id = "", name = "" } = row.dataset;
  if ("play" in button.dataset) playWhole(button, uri, "shuffle" in button.dataset);
  if ("delete" in button.dataset) remove(button, row, id, name);
});

/** @param {HTMLButtonElement} button @param {HTMLElement} row @param {string} id @param {string} name */
async function remove(button, row, id, name) {
  const next = /** @type {HTMLElement | null} */ (row.nextElementSibling ?? row.previousElementSibling);
  if (!await attempt(button, () => client.rest.delete(`/api/playlists/${id}`))) return;
  row.hidden = true;
  next?.querySelector("a")?.focus();
  told(interpolate(gettext("Deleted %(name)s."), { name: isolated(name) }), async () => {
    await client.rest.post(`/api/playlists/${id}/restore`);
    row.hidden = false;
  });
}

/** @type {HTMLDialogElement} */
const creating = byId("create-dialog");
/** @type {HTMLDialogElement} */
const importing = byId("import-dialog");
byId("create-open").addEventListener("click", () => creating.showModal());
byId("import-open").addEventListener("click", () => {
  byId("import-outcome").hidden = true;
  importing.showModal();
});
importing.addEventListener("close", () => {
  if (!byId("import-outcome").hidden) location.reload();
});

/**
 * Send a dialog's form, and show in it why that failed.
 * @param {string} name
 * @param {(guildId: string, key: string) => Promise<void>} send
 */
function onSubmit(name, send) {
  const problem = byId(`${name}-problem`);
  const form = byId(`${name}-form`);
  /** @type {HTMLSelectElement} */
  const guild = byId(`${name}-guild`);
  const confirm = /** @type {HTMLButtonElement} */ (form.querySelector("[type=submit]"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = confirm.disabled = true;
    try {
      await send(guild.value, newId());
    } catch (error) {
      problem.hidden = false;
      setText(problem, reasonOf(error));
    }
    confirm.disabled = false;
  });
}

onSubmit("create", async (guildId, idempotencyKey) => {
  /** @type {HTMLInputElement} */
  const name = byId("create-name");
  const wanted = { name: name.value, guild_id: guildId || null };
  const made = await client.rest.post("/api/playlists", wanted, { idempotencyKey });
  location.assign(`/playlists/${made.id}`);
});

onSubmit("import", async (guildId, idempotencyKey) => {
  /** @type {HTMLInputElement} */
  const input = byId("import-file");
  const file = input.files?.[0];
  if (!file) throw new Error(gettext("Choose a file."));
  const query = new URLSearchParams({ file_name: file.name, ...(guildId ? { guild_id: guildId } : {}) });
  const found = await client.rest.upload(`/api/playlists/import?${query}`, file, { idempotencyKey });
  const link = element("a", { href: `/playlists/${found.playlist.id}`, dir: "auto" }, found.playlist.name);
  const outcome = byId("import-outcome");
  outcome.replaceChildren(element("p", {}, link, " · ", trackCount(found.imported)));
  const refused = found.unmatched_total - found.kept;
  if (found.kept) outcome.append(element("p", {}, interpolate(gettext("Not found in the library, and kept by name: %(tracks)s."), { tracks: trackCount(found.kept) })));
  if (refused) outcome.append(element("p", {}, interpolate(gettext("Left out: %(tracks)s."), { tracks: trackCount(refused) })));
  if (found.unmatched_total) outcome.append(element("ul", {}, ...found.unmatched.slice(0, MAX_SHOWN).map(lost)));
  if (found.surplus) outcome.append(element("p", {}, interpolate(gettext("Over the limit and not imported: %(tracks)s."), { tracks: trackCount(found.surplus) })));
  outcome.hidden = false;
  input.value = ""; // the same file would become a second playlist
});

/** @param {{number: number, title: string | null, artist: string | null, location: string}} line */
function lost({ number, title, artist, location: where }) {
  const words = title ? [artist, title].filter(Boolean).join(" – ") : where;
  return element("li", { dir: "auto" }, `${number}. ${words}`);
}

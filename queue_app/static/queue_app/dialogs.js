/** The dialogs of the guild page that ask for one thing. */

import { byId, element, setText } from "../backline/js/dom.js";
import { isolated, trackCount } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/**
 * @import { RestClient } from "../client/rest.js"
 *
 * @typedef {{id: string, name: string, access: "read" | "edit" | "manage", length: number}} Playlist
 */

for (const button of document.querySelectorAll("dialog [data-close]")) {
  button.addEventListener("click", () => button.closest("dialog")?.close());
}

/** @param {string} id @returns {HTMLDialogElement} */
function dialogOf(id) {
  return /** @type {HTMLDialogElement} */ (/** @type {unknown} */ (byId(id)));
}

/**
 * Open a dialog with a form. It closes when `act` succeeds, and otherwise shows why not.
 * @param {"move" | "save" | "playlist"} name
 * @param {() => Promise<unknown> | unknown} act
 */
function ask(name, act) {
  const dialog = dialogOf(`${name}-dialog`);
  const form = /** @type {HTMLFormElement} */ (/** @type {unknown} */ (byId(`${name}-form`)));
  const problem = byId(`${name}-problem`);
  problem.hidden = true;
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      await act();
      dialog.close();
    } catch (error) {
      setText(problem, reasonOf(error));
      problem.hidden = false;
    }
  };
  dialog.showModal();
}

/** @param {{title: string, place: number, total: number, act: (place: number) => void}} options `place` counts from 1 */
export function askPlace({ title, place, total, act }) {
  /** @type {HTMLInputElement} */
  const input = byId("move-place");
  setText(byId("move-title"), interpolate(gettext("Move %(title)s"), { title: isolated(title) }));
  setText(byId("move-hint"), interpolate(gettext("1 plays next. The queue ends at %(total)s."), { total }));
  input.max = String(total);
  input.value = String(place);
  ask("move", () => {
    const wanted = input.valueAsNumber;
    if (!Number.isInteger(wanted) || wanted < 1) throw new Error(gettext("Enter a whole number from 1."));
    act(Math.min(wanted, total));
  });
  input.select();
}

/** @param {(name: string, shared: boolean) => Promise<unknown>} save */
export function askName(save) {
  /** @type {HTMLInputElement} */
  const name = byId("save-name");
  /** @type {HTMLInputElement} */
  const shared = byId("save-shared");
  name.value = "";
  ask("save", () => save(name.value, shared.checked));
}

/**
 * Choose a playlist, or name a new one, and add tracks to it.
 * @param {object} options
 * @param {RestClient} options.rest
 * @param {string[]} options.uris of the tracks
 * @param {(name: string, added: number, undo: () => Promise<unknown>) => void} options.onAdded
 */
export function askPlaylist({ rest, uris, onAdded }) {
  const list = byId("playlist-list");
  /** @type {HTMLInputElement} */
  const name = byId("playlist-name");
  const add = async (/** @type {string} */ id, /** @type {string} */ called) => {
    const { added, entry_ids: ids } = await rest.post(`/api/playlists/${id}/entries`, { uris });
    onAdded(called, added, () => rest.post(`/api/playlists/${id}/entries/remove`, { entry_ids: ids }));
  };
  name.value = "";
  list.replaceChildren(element("li", { class: "fine-print" }, gettext("Loading")));
  ask("playlist", async () => {
    const made = await rest.post("/api/playlists", { name: name.value });
    await add(made.id, made.name);
  });
  showPlaylists(rest, list, add);
}

/** @param {RestClient} rest @param {HTMLElement} list @param {(id: string, name: string) => Promise<void>} add */
async function showPlaylists(rest, list, add) {
  const problem = byId("playlist-problem");
  const show = (/** @type {unknown} */ error) => {
    setText(problem, reasonOf(error));
    problem.hidden = false;
  };
  try {
    const found = /** @type {Playlist[]} */ (await rest.get("/api/playlists")).filter(({ access }) => access !== "read");
    list.replaceChildren(...found.map(({ id, name, length }) => {
      const button = element("button", { type: "button" }, element("span", { dir: "auto" }, name), element("small", {}, trackCount(length)));
      button.addEventListener("click", () => add(id, name).then(() => dialogOf("playlist-dialog").close(), show));
      return element("li", {}, button);
    }));
  } catch (error) {
    list.replaceChildren();
    show(error);
  }
}

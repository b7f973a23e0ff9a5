/** One playlist, or the favorites: its tracks with their buttons, its name, and who may change it. */

import { newId } from "../client/ids.js";
import { announce } from "../backline/js/announce.js";
import { byId, element, icon, setText } from "../backline/js/dom.js";
import { duration, isolated, nameOf, titleOf, trackCount } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";
import { attempt, client, playWhole, told } from "./playlist-parts.js";

/**
 * @import { Track } from "../client/types.d.ts"
 * @typedef {{id: string, track: Track, available: boolean}} Entry
 */

const { base = "", uri = "", access = "" } = byId("list").dataset;
const favorites = access === "favorites";
const editable = access === "edit" || access === "manage";
const rows = byId("entries");
/** @type {string | null} */
let next = null;

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("#list [data-play]"))) {
  button.addEventListener("click", () => playWhole(button, uri, "shuffle" in button.dataset));
}

// --- Tracks ---

/** Load the first page again, or the next one. @param {boolean} [more] */
async function load(more = false) {
  const after = more && next ? `?after=${next}` : "";
  const page = await client.rest.get(`${favorites ? base : `${base}/entries`}${after}`);
  if (!more) rows.replaceChildren();
  rows.append(...page.items.map(row));
  next = page.next;
  byId("more").hidden = !next;
  byId("no-entries").hidden = page.length > 0;
  rows.setAttribute("aria-busy", "false");
  const length = page.duration_ms ? duration(page.duration_ms) : "";
  setText(byId("summary"), [trackCount(page.length), length].filter(Boolean).join(" · "));
}

/** @param {Entry} entry */
function row({ id, track, available }) {
  const title = titleOf(track);
  const sub = [track.artist, track.album, available ? "" : gettext("No longer in the library")].filter(Boolean).join(" · ");
  const node = element("li", { "data-id": id, "data-gone": !available },
    element("div", { class: "library-text" }, element("strong", { dir: "auto" }, title), element("span", { dir: "auto" }, sub)),
    element("span", { class: "library-length" }, track.duration_ms ? duration(track.duration_ms) : ""));
  if (editable) {
    node.append(
      act("chevron-up", gettext("Move %(title)s up"), title, (button) => move(button, node, node.previousElementSibling?.previousElementSibling ?? null, node.previousElementSibling !== null)),
      act("chevron-down", gettext("Move %(title)s down"), title, (button) => move(button, node, node.nextElementSibling, node.nextElementSibling !== null)),
      act("x", gettext("Remove %(title)s"), title, (button) => remove(button, node, title)));
  }
  if (favorites) node.append(act("x", gettext("Remove %(title)s"), title, (button) => unlike(button, node, track.uri, title)));
  return node;
}

/** @param {string} name @param {string} words @param {string} title @param {(button: HTMLButtonElement) => void} onPress */
function act(name, words, title, onPress) {
  const button = element("button", { class: "icon-button", type: "button", "aria-label": interpolate(words, { title: isolated(title) }) }, icon(name));
  button.addEventListener("click", () => onPress(button));
  return button;
}

/** @param {HTMLButtonElement} button @param {HTMLElement} node @param {Element | null} after @param {boolean} possible */
async function move(button, node, after, possible) {
  if (!possible) return;
  const path = `${base}/entries/${node.dataset.id}`;
  const body = { after: /** @type {HTMLElement | null} */ (after)?.dataset.id ?? null };
  if (!await attempt(button, () => client.rest.patch(path, body))) return;
  if (after) after.after(node);
  else rows.prepend(node);
  button.focus();
  announce(interpolate(gettext("Moved to position %(number)s."), { number: [...rows.children].indexOf(node) + 1 }));
}

/** @param {HTMLButtonElement} button @param {HTMLElement} node @param {string} title */
async function remove(button, node, title) {
  const body = { entry_ids: [node.dataset.id] };
  if (!await attempt(button, () => client.rest.post(`${base}/entries/remove`, body))) return;
  leave(node);
  told(interpolate(gettext("Removed %(title)s."), { title: isolated(title) }), async () => {
    await client.rest.post(`${base}/entries/restore`, body);
    await load();
  });
  await load();
}

/** @param {HTMLButtonElement} button @param {HTMLElement} node @param {string} trackUri @param {string} title */
async function unlike(button, node, trackUri, title) {
  if (!await attempt(button, () => client.rest.delete(`/api/favorites?${new URLSearchParams({ uri: trackUri })}`))) return;
  leave(node);
  told(interpolate(gettext("Removed %(title)s."), { title: isolated(title) }), async () => {
    await client.rest.put("/api/favorites", { uri: trackUri });
    await load();
  });
}

/** Remove a row, and move its focus to its neighbor. @param {HTMLElement} node */
function leave(node) {
  const neighbor = node.nextElementSibling ?? node.previousElementSibling;
  /** @type {HTMLElement | null} */ (neighbor?.querySelector("button:last-of-type") ?? null)?.focus();
  node.remove();
}

/** @type {HTMLButtonElement} */
const more = byId("more");
more.addEventListener("click", () => attempt(more, () => load(true)));

// --- Adding ---

if (editable) {
  const found = byId("found");
  /** @type {HTMLInputElement} */
  const query = byId("add-query");
  byId("add-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = query.value.trim();
    if (!text) return;
    attempt(null, async () => {
      if (/^\s*<?https?:\/\//i.test(text)) await add(text, text);
      else show(await client.rest.get(`/api/search?${new URLSearchParams({ q: text })}`));
    });
  });

  /** @param {Track[]} tracks */
  const show = (tracks) => {
    found.replaceChildren(...tracks.map((track) => {
      const title = titleOf(track);
      return element("li", {},
        element("div", { class: "library-text" }, element("strong", { dir: "auto" }, title), element("span", { dir: "auto" }, track.artist ?? "")),
        act("plus", gettext("Add %(title)s"), title, (button) => attempt(button, () => add(track.uri, title))));
    }));
    found.hidden = false;
    announce(trackCount(tracks.length));
  };

  /** @param {string} trackUri @param {string} title */
  const add = async (trackUri, title) => {
    await client.rest.post(`${base}/entries`, { uris: [trackUri] }, { idempotencyKey: newId() });
    told(interpolate(gettext("Added %(title)s."), { title: isolated(title) }));
    await load();
  };
}

// --- Name and deletion ---

if (access === "manage") {
  /** @type {HTMLDialogElement} */
  const dialog = byId("rename-dialog");
  /** @type {HTMLInputElement} */
  const name = byId("rename-name");
  const problem = byId("rename-problem");
  byId("rename-open").addEventListener("click", () => dialog.showModal());
  byId("rename-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    try {
      const changed = await client.rest.patch(base, { name: name.value });
      document.title = document.title.replace(byId("name").textContent, () => changed.name);
      setText(byId("name"), changed.name);
      dialog.close();
    } catch (error) {
      problem.hidden = false;
      setText(problem, reasonOf(error));
    }
  });
  /** @type {HTMLButtonElement} */
  const remover = byId("delete");
  remover.addEventListener("click", async () => {
    if (!await attempt(remover, () => client.rest.delete(base))) return;
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#name ~ *, #list, #list ~ :not(#done)"))) part.inert = true;
    told(gettext("Deleted the playlist."), async () => {
      await client.rest.post(`${base}/restore`);
      location.reload();
    });
  });
  const sharing = byId("share-form");
  /** @type {HTMLSelectElement} */
  const whom = byId("share-with");
  sharing.addEventListener("submit", (event) => {
    event.preventDefault();
    const [kind, id, role] = whom.value.split(":");
    const body = kind === "user" ? { user_id: id } : { guild_id: id, ...(role ? { role_id: role } : {}) };
    attempt(null, async () => {
      await client.rest.post(`${base}/collaborators`, body);
      await loadCollaborators();
    });
  });
}

// --- Collaborators ---

async function loadCollaborators() {
  const shared = await client.rest.get(`${base}/collaborators`);
  byId("collaborators").replaceChildren(...shared.map(collaborator));
}

/** @param {{id: number, user: {id: string, username: string, display_name: string} | null, guild_id: string | null, role_id: string | null}} shared */
function collaborator({ id, user, guild_id: guild, role_id: role }) {
  const option = document.querySelector(`#share-with option[value="guild:${guild}${role ? `:${role}` : ""}"]`);
  const name = user ? nameOf(user) : option?.textContent ?? gettext("A role");
  const mine = user?.id === document.body.dataset.userId;
  const node = element("li", {}, element("div", { class: "library-text" }, element("strong", { dir: "auto" }, name)));
  if (access === "manage" || mine) {
    node.append(act("x", mine ? gettext("Leave this playlist") : gettext("Stop sharing with %(title)s"), name, (button) => attempt(button, async () => {
      await client.rest.delete(`${base}/collaborators/${id}`);
      if (mine) location.assign("/playlists");
      else node.remove();
    })));
  }
  return node;
}

attempt(null, () => load());
if (!favorites) attempt(null, loadCollaborators);

/** For a stream's owner: its settings, sharing, device tokens, and deletion. Each change saves itself. */

import { TokenSource } from "../client/auth.js";
import { RestClient } from "../client/rest.js";
import { announce } from "../backline/js/announce.js";
import { byId, element, setText } from "../backline/js/dom.js";
import { isolated, nameOf } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/**
 * @typedef {{id: number, user: {username: string, display_name?: string} | null, guild_id: string | null, role_id: string | null,
 *   access: "read" | "write"}} Grant
 * @typedef {{id: string, device: string, last_seen_at: string, expires_at: string, token?: string}} DeviceToken
 */

const rest = new RestClient({ tokens: new TokenSource() });
const { streamId = "" } = document.body.dataset;
const api = `/api/streams/${streamId}`;

/** @param {string} id @param {string} words */
function complain(id, words) {
  const line = byId(id);
  line.hidden = !words;
  setText(line, words);
}

/** Show what is missing before a request is sent. @param {string} id @param {HTMLElement} control @param {string} words */
function missing(id, control, words) {
  complain(id, words);
  control.focus();
}

// --- Name, public, stored types ---

byId("stream-form").addEventListener("submit", (event) => event.preventDefault());
byId("stream-form").addEventListener("change", async (event) => {
  const control = /** @type {HTMLInputElement} */ (event.target);
  const field = control.dataset.field ?? "";
  const option = /** @type {HTMLElement} */ (control.closest("[data-option]"));
  const state = /** @type {HTMLElement} */ (option.querySelector(".option-state"));
  try {
    const stream = await rest.patch(api, { [field]: valueOf(control) });
    if (field === "name") setText(byId("stream-name"), stream.name || stream.id);
    if (field === "durable_types") control.value = stream.durable_types.join(", ");
    option.dataset.state = "saved";
    setText(state, gettext("Saved"));
  } catch (error) {
    if (field === "public") control.checked = !control.checked;
    option.dataset.state = "problem";
    setText(state, interpolate(gettext("Not saved. %(reason)s"), { reason: reasonOf(error) }));
  }
  control.setAttribute("aria-invalid", String(option.dataset.state === "problem"));
  announce(state.textContent ?? "");
});

/** @param {HTMLInputElement} control */
function valueOf(control) {
  if (control.type === "checkbox") return control.checked;
  if (control.dataset.field !== "durable_types") return control.value.trim();
  return control.value.split(",").map((type) => type.trim()).filter(Boolean);
}

// --- Readers and writers ---

/** @type {HTMLSelectElement} */
const whom = byId("share-whom");
/** @type {HTMLInputElement} */
const discordId = byId("share-discord-id");

whom.addEventListener("change", () => (byId("share-person").hidden = whom.value !== "discord"));
byId("share-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const access = /** @type {HTMLSelectElement} */ (byId("share-access")).value;
  complain("share-problem", "");
  if (!whom.value) return missing("share-problem", whom, gettext("Choose who to share the stream with."));
  if (whom.value === "discord" && !/^\d{17,20}$/.test(discordId.value.trim())) {
    return missing("share-problem", discordId, gettext("A Discord ID has 17 to 20 digits. Turn on Developer Mode in Discord to copy IDs."));
  }
  try {
    await rest.post(`${api}/members`, { ...chosen(), access });
    discordId.value = "";
    announce(gettext("Shared"));
    await readMembers();
  } catch (error) {
    complain("share-problem", interpolate(gettext("Not shared. %(reason)s"), { reason: reasonOf(error) }));
  }
});

/** @returns {Record<string, string>} the recipient, as REST takes it */
function chosen() {
  const [kind, id, role] = whom.value.split(" ");
  if (kind === "user") return { user_id: id };
  if (kind === "guild") return role ? { guild_id: id, role_id: role } : { guild_id: id };
  return { discord_id: discordId.value.trim() };
}

async function readMembers() {
  /** @type {Grant[]} */
  const grants = await rest.get(`${api}/members`);
  const list = byId("members");
  list.replaceChildren(...grants.map(memberRow));
  list.setAttribute("aria-busy", "false");
  list.hidden = !grants.length;
  byId("members-empty").hidden = grants.length > 0;
}

/** @param {Grant} grant */
function grantName({ user, guild_id: guildId, role_id: roleId }) {
  if (user) return nameOf(user);
  const value = ["guild", guildId, roleId].filter(Boolean).join(" ");
  const option = [...whom.options].find((each) => each.value === value);
  return option?.dataset.name ?? gettext("Deleted role or server");
}

/** @param {Grant} grant */
function memberRow(grant) {
  const name = grantName(grant);
  const values = { name: isolated(name) };
  const label = interpolate(gettext("Remove access for %(name)s"), values);
  const end = element("button", { class: "button button-quiet", type: "button", "aria-label": label }, gettext("Remove"));
  const done = interpolate(gettext("No longer shared with %(name)s"), values);
  end.addEventListener("click", () => remove(`${api}/members/${grant.id}`, readMembers, "share-problem", done, whom));
  return element("li", { class: "session session-plain" },
    element("div", {}, element("h4", { dir: "auto" }, name), element("p", {}, grant.access === "write" ? gettext("can watch and send") : gettext("can watch"))), end);
}

/**
 * @param {string} path
 * @param {() => Promise<void>} again
 * @param {string} problemId
 * @param {string} done
 * @param {HTMLElement} next what gets the focus of the removed button
 */
async function remove(path, again, problemId, done, next) {
  complain(problemId, "");
  try {
    await rest.delete(path);
    announce(done);
    await again();
    next.focus();
  } catch (error) {
    complain(problemId, interpolate(gettext("Not removed. %(reason)s"), { reason: reasonOf(error) }));
  }
}

// --- Device tokens ---

/** @type {HTMLInputElement} */
const device = byId("token-device");
/** @type {HTMLDialogElement} */
const rotation = byId("rotate-dialog");
/** @type {HTMLInputElement} */
const shown = byId("new-token-text");

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = device.value.trim();
  if (name) makeToken("tokens", name);
  else missing("token-problem", device, gettext("Enter a name for the device."));
});
byId("rotate-open").addEventListener("click", () => rotation.showModal());
byId("rotate-confirm").addEventListener("click", () => {
  rotation.close();
  makeToken("rotate", device.value.trim() || gettext("All devices"));
});
byId("new-token-copy").addEventListener("click", async () => {
  shown.select();
  const copied = byId("new-token-copied");
  try {
    await navigator.clipboard.writeText(shown.value);
    setText(copied, gettext("Copied."));
  } catch {  // not allowed, or a page without TLS, which has no clipboard
    setText(copied, gettext("The token is selected. Copy it with Ctrl+C."));
  }
});

/** @param {"tokens" | "rotate"} how @param {string} name */
async function makeToken(how, name) {
  complain("token-problem", "");
  try {
    /** @type {DeviceToken} */
    const made = await rest.post(`${api}/${how}`, { device: name });
    shown.value = made.token ?? "";
    byId("new-token").hidden = false;
    setText(byId("new-token-copied"), "");
    device.value = "";
    shown.focus();
    shown.select();
    await readTokens();
  } catch (error) {
    complain("token-problem", interpolate(gettext("The token was not created. %(reason)s"), { reason: reasonOf(error) }));
  }
}

async function readTokens() {
  /** @type {DeviceToken[]} */
  const tokens = await rest.get(`${api}/tokens`);
  const list = byId("tokens");
  list.replaceChildren(...tokens.map(tokenRow));
  list.setAttribute("aria-busy", "false");
  list.hidden = byId("rotate-open").hidden = !tokens.length;
}

/** @param {DeviceToken} token */
function tokenRow({ id, device: name, expires_at: expiresAt }) {
  const values = { device: isolated(name), date: new Date(expiresAt).toLocaleDateString(undefined, { dateStyle: "medium" }) };
  const label = interpolate(gettext("Revoke the token of %(device)s"), values);
  const end = element("button", { class: "button button-quiet", type: "button", "aria-label": label }, gettext("Revoke"));
  const done = interpolate(gettext("The token of %(device)s was revoked"), values);
  end.addEventListener("click", () => remove(`${api}/tokens/${id}`, readTokens, "token-problem", done, device));
  return element("li", { class: "session session-plain" }, element("div", {}, element("h4", { dir: "auto" }, name), element("p", {}, interpolate(gettext("Expires %(date)s"), values))), end);
}

// --- Deletion ---

/** @type {HTMLDialogElement} */
const dialog = byId("delete-dialog");

byId("delete-open").addEventListener("click", () => {
  complain("delete-problem", "");
  dialog.showModal();
});
byId("delete-confirm").addEventListener("click", async () => {
  try {
    await rest.delete(api);
    location.assign("/streams");
  } catch (error) {
    complain("delete-problem", interpolate(gettext("The stream was not deleted. %(reason)s"), { reason: reasonOf(error) }));
  }
});

readMembers().catch((error) => complain("share-problem", interpolate(gettext("The list of people could not be loaded. %(reason)s"), { reason: reasonOf(error) })));
readTokens().catch((error) => complain("token-problem", interpolate(gettext("The tokens could not be loaded. %(reason)s"), { reason: reasonOf(error) })));

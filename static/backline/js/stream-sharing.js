/** For a stream's owner: its name, who may watch or send, tokens of devices, and its end. Each change saves itself. */

import { TokenSource } from "../../client/auth.js";
import { RestClient } from "../../client/rest.js";
import { announce } from "./announce.js";
import { byId, element, setText } from "./dom.js";
import { reasonOf } from "./refusal.js";

/**
 * @typedef {{id: number, user: {username: string} | null, guild_id: string | null, role_id: string | null,
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

// --- Name, public, kept types ---

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
    setText(state, field === "durable_types" ? "Saved. Open pages follow it when they are loaded again." : "Saved");
  } catch (error) {
    if (field === "public") control.checked = !control.checked;
    option.dataset.state = "problem";
    setText(state, `Not saved. ${reasonOf(error)}`);
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

whom.addEventListener("change", () => (byId("share-person").hidden = whom.value !== ""));
byId("share-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [guild_id, role_id] = whom.value.split(" ");
  const access = /** @type {HTMLSelectElement} */ (byId("share-access")).value;
  const person = { discord_id: discordId.value.trim() };
  const audience = role_id ? { guild_id, role_id } : { guild_id };
  complain("share-problem", "");
  try {
    await rest.post(`${api}/members`, { ...(guild_id ? audience : person), access });
    discordId.value = "";
    announce("Shared");
    await readMembers();
  } catch (error) {
    complain("share-problem", `Not shared. ${reasonOf(error)}`);
  }
});

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
function nameOf({ user, guild_id: guildId, role_id: roleId }) {
  if (user) return user.username;
  const value = roleId ? `${guildId} ${roleId}` : guildId;
  const option = [...whom.options].find((each) => each.value === value);
  return option?.dataset.name ?? "A role or server that is not there any more";
}

/** @param {Grant} grant */
function memberRow(grant) {
  const name = nameOf(grant);
  const end = element("button", { class: "button button-quiet", type: "button" }, "End",
    element("span", { class: "visually-hidden" }, ` sharing with ${name}`));
  end.addEventListener("click", () => remove(`${api}/members/${grant.id}`, readMembers, "share-problem", `No longer shared with ${name}`));
  return element("li", { class: "session session-plain" },
    element("div", {}, element("h4", {}, name), element("p", {}, grant.access === "write" ? "may watch and send" : "may watch")), end);
}

/**
 * @param {string} path
 * @param {() => Promise<void>} again
 * @param {string} problemId
 * @param {string} done
 */
async function remove(path, again, problemId, done) {
  complain(problemId, "");
  try {
    await rest.delete(path);
    announce(done);
    await again();
  } catch (error) {
    complain(problemId, `Not done. ${reasonOf(error)}`);
  }
}

// --- Tokens of devices ---

/** @type {HTMLInputElement} */
const device = byId("token-device");
/** @type {HTMLInputElement} */
const shown = byId("new-token-text");

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  makeToken("tokens", device.value.trim());
});
byId("rotate").addEventListener("click", () => makeToken("rotate", device.value.trim() || "All devices"));
byId("new-token-copy").addEventListener("click", async () => {
  shown.select();
  // On a page without TLS there is no clipboard; it is selected, so Ctrl+C does it.
  await navigator.clipboard?.writeText(shown.value);
  announce("Copied");
});

/** @param {"tokens" | "rotate"} how @param {string} name */
async function makeToken(how, name) {
  complain("token-problem", "");
  try {
    /** @type {DeviceToken} */
    const made = await rest.post(`${api}/${how}`, { device: name });
    shown.value = made.token ?? "";
    byId("new-token").hidden = false;
    device.value = "";
    shown.focus();
    shown.select();
    await readTokens();
  } catch (error) {
    complain("token-problem", `No token was made. ${reasonOf(error)}`);
  }
}

async function readTokens() {
  /** @type {DeviceToken[]} */
  const tokens = await rest.get(`${api}/tokens`);
  const list = byId("tokens");
  list.replaceChildren(...tokens.map(tokenRow));
  list.setAttribute("aria-busy", "false");
  list.hidden = !tokens.length;
}

/** @param {DeviceToken} token */
function tokenRow({ id, device: name, expires_at: expiresAt }) {
  const end = element("button", { class: "button button-quiet", type: "button" }, "End",
    element("span", { class: "visually-hidden" }, ` the token of ${name}`));
  end.addEventListener("click", () => remove(`${api}/tokens/${id}`, readTokens, "token-problem", `The token of ${name} ended`));
  const until = new Date(expiresAt).toLocaleDateString(undefined, { dateStyle: "medium" });
  return element("li", { class: "session session-plain" }, element("div", {}, element("h4", {}, name), element("p", {}, `until ${until}`)), end);
}

// --- Its end ---

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
    complain("delete-problem", `Nothing was deleted. ${reasonOf(error)}`);
  }
});

readMembers().catch((error) => complain("share-problem", `Whom it is shared with could not be read. ${reasonOf(error)}`));
readTokens().catch((error) => complain("token-problem", `The tokens could not be read. ${reasonOf(error)}`));

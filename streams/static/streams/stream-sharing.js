/** For a stream's owner: its name, who may watch or send, tokens of devices, and its end. Each change saves itself. */

import { TokenSource } from "../client/auth.js";
import { RestClient } from "../client/rest.js";
import { announce } from "../backline/js/announce.js";
import { byId, element, setText } from "../backline/js/dom.js";
import { isolated, nameOf } from "../backline/js/format.js";
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

/** Say what is missing before anything is asked. @param {string} id @param {HTMLElement} control @param {string} words */
function missing(id, control, words) {
  complain(id, words);
  control.focus();
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
    setText(state, "Saved");
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

whom.addEventListener("change", () => (byId("share-person").hidden = whom.value !== "discord"));
byId("share-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const access = /** @type {HTMLSelectElement} */ (byId("share-access")).value;
  complain("share-problem", "");
  if (!whom.value) return missing("share-problem", whom, "Choose whom to share it with.");
  if (whom.value === "discord" && !/^\d{17,20}$/.test(discordId.value.trim())) {
    return missing("share-problem", discordId, "A Discord id has 17 to 20 digits. Discord copies it in its developer mode.");
  }
  try {
    await rest.post(`${api}/members`, { ...chosen(), access });
    discordId.value = "";
    announce("Shared");
    await readMembers();
  } catch (error) {
    complain("share-problem", `Not shared. ${reasonOf(error)}`);
  }
});

/** @returns {Record<string, string>} whom to share with, as REST calls them */
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
  return option?.dataset.name ?? "A role or server that is not there any more";
}

/** @param {Grant} grant */
function memberRow(grant) {
  const name = grantName(grant);
  const end = element("button", { class: "button button-quiet", type: "button" }, "End",
    element("span", { class: "visually-hidden" }, ` sharing with ${isolated(name)}`));
  end.addEventListener("click", () => remove(`${api}/members/${grant.id}`, readMembers, "share-problem", `No longer shared with ${isolated(name)}`, whom));
  return element("li", { class: "session session-plain" },
    element("div", {}, element("h4", { dir: "auto" }, name), element("p", {}, grant.access === "write" ? "may watch and send" : "may watch")), end);
}

/**
 * @param {string} path
 * @param {() => Promise<void>} again
 * @param {string} problemId
 * @param {string} done
 * @param {HTMLElement} next where the focus goes from the button that is gone
 */
async function remove(path, again, problemId, done, next) {
  complain(problemId, "");
  try {
    await rest.delete(path);
    announce(done);
    await again();
    next.focus();
  } catch (error) {
    complain(problemId, `Not done. ${reasonOf(error)}`);
  }
}

// --- Tokens of devices ---

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
  else missing("token-problem", device, "Say which device it is for.");
});
byId("rotate-open").addEventListener("click", () => rotation.showModal());
byId("rotate-confirm").addEventListener("click", () => {
  rotation.close();
  makeToken("rotate", device.value.trim() || "All devices");
});
byId("new-token-copy").addEventListener("click", async () => {
  shown.select();
  const copied = byId("new-token-copied");
  try {
    await navigator.clipboard.writeText(shown.value);
    setText(copied, "Copied.");
  } catch {  // not allowed, or a page without TLS, which has no clipboard
    setText(copied, "It is selected: copy it with Ctrl+C.");
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
    complain("token-problem", `No token was made. ${reasonOf(error)}`);
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
  const end = element("button", { class: "button button-quiet", type: "button" }, "End",
    element("span", { class: "visually-hidden" }, ` the token of ${isolated(name)}`));
  end.addEventListener("click", () => remove(`${api}/tokens/${id}`, readTokens, "token-problem", `The token of ${isolated(name)} ended`, device));
  const until = new Date(expiresAt).toLocaleDateString(undefined, { dateStyle: "medium" });
  return element("li", { class: "session session-plain" }, element("div", {}, element("h4", { dir: "auto" }, name), element("p", {}, `until ${until}`)), end);
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

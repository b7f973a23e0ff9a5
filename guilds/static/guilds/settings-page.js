/** A guild's settings: saves each control when it changes, and shows changes that others make. */

import { Client } from "../client/client.js";
import { ApiError, NetworkError } from "../client/errors.js";
import { GuildStore } from "../client/guild.js";
import { AlertRules } from "../alerts/alert-rules.js";
import { announce, toast } from "../backline/js/announce.js";
import { showConnection } from "../backline/js/connection-pill.js";
import { byId, setText } from "../backline/js/dom.js";
import { isolated } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/** @import { ConnectionState, GuildSyncEvent, Problem } from "../client/types.d.ts" */

const { guildId = "", userId } = document.body.dataset;
const client = new Client({ baseUrl: location.origin, userId });
const store = new GuildStore({ client, guildId, onEvents: follow, onState: connectionChanged });
const rules = new AlertRules({ rest: client.rest, guildId });
const SAVE_AGAIN_MS = 5_000;
/** Names of settings that could not be sent. They are saved when the connection is back. @type {Set<string>} */
const unsaved = new Set();
let wasLive = false;
let live = false;
store.start();
setInterval(saveAgain, SAVE_AGAIN_MS);
relate();

byId("settings").addEventListener("submit", (event) => event.preventDefault());
byId("settings").addEventListener("change", (event) => {
  const { setting } = /** @type {HTMLElement} */ (event.target).dataset;
  if (setting) save(setting);
});
addEventListener("online", () => store.wake());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) store.wake();
});

/** @param {string} name @returns {(HTMLInputElement | HTMLSelectElement)[]} one, or several checkboxes */
function controlsOf(name) {
  return [...document.querySelectorAll(`[data-setting="${CSS.escape(name)}"]`)].map(
    (node) => /** @type {HTMLInputElement | HTMLSelectElement} */ (node),
  );
}

/** @param {string} name @returns {unknown} the setting's value, in the form that the server takes */
function read(name) {
  const [control, ...others] = controlsOf(name);
  if ("list" in control.dataset) {
    const ticked = [control, ...others].filter((each) => each instanceof HTMLInputElement && each.checked);
    // null means all of them, including those that a later version adds.
    return ticked.length === others.length + 1 ? null : ticked.map((each) => each.value).sort(); // as the server sorts them
  }
  if (control instanceof HTMLSelectElement) return control.value || null;
  if (control.type === "checkbox") return control.checked;
  if (control.value === "" && !control.validity.badInput) return null;
  return control.validity.badInput ? "" : Number(control.value);
}

/** @param {string} name @param {unknown} value */
function write(name, value) {
  for (const control of controlsOf(name)) {
    if (control instanceof HTMLSelectElement) {
      const text = String(value ?? "");
      // A role or channel that was created after the page was rendered.
      if (![...control.options].some((option) => option.value === text)) control.add(new Option(gettext("New in Discord"), text));
      control.value = text;
    } else if ("list" in control.dataset) {
      control.checked = value === null || /** @type {string[]} */ (value).includes(control.value);
    } else if (control.type === "checkbox") {
      control.checked = Boolean(value);
    } else {
      control.value = String(value ?? "");
    }
  }
  relate();
}

/** Disable the settings that have no effect because of the value of another setting. */
function relate() {
  for (const option of document.querySelectorAll("[data-works-when]")) {
    const { option: name = "", worksWhen = "", is } = /** @type {HTMLElement} */ (option).dataset;
    for (const control of controlsOf(name)) control.disabled = String(read(worksWhen)) !== is;
  }
}

/** @param {string} name @param {"" | "saved" | "problem" | "theirs"} state @param {string} words */
function show(name, state, words) {
  const option = /** @type {HTMLElement} */ (document.querySelector(`[data-option="${CSS.escape(name)}"]`));
  option.dataset.state = state;
  setText(byId(`${name}-state`), words);
  for (const control of controlsOf(name)) control.setAttribute("aria-invalid", String(state === "problem"));
  if (words) announce(words);
}

/** @param {string} name */
async function save(name) {
  const value = read(name);
  show(name, "", "");
  try {
    const settings = await client.rest.patch(`/api/guilds/${guildId}/settings`, { [name]: value });
    unsaved.delete(name);
    if (same(read(name), value)) write(name, settings[name]);
    const problem = settings.problems[name];
    if (problem) show(name, "problem", interpolate(gettext("Saved. %(problem)s"), { problem }));
    else show(name, "saved", gettext("Saved"));
  } catch (error) {
    if (error instanceof NetworkError) {
      unsaved.add(name);
      show(name, "problem", gettext("Not saved yet. It will be saved when you are back online."));
      store.wake();
      return;
    }
    unsaved.delete(name);
    const refusal = error instanceof ApiError ? error.errors[name]?.join(" ") : undefined;
    const words = interpolate(gettext("Not saved. %(reason)s"), { reason: refusal ?? reasonOf(error) });
    show(name, "problem", words);
    if (!refusal) toast(words);
  }
}

async function saveAgain() {
  if (!live) return;
  for (const name of [...unsaved]) await save(name);
}

/** @param {GuildSyncEvent[]} events */
function follow(events) {
  rules.follow(events);
  for (const { name, args, metadata } of events) {
    if (name !== "SettingsChanged") continue;
    for (const [setting, value] of Object.entries(args.after)) {
      if (!controlsOf(setting).length || same(read(setting), value)) continue;
      write(setting, value);
      const name = isolated(metadata.displayName || metadata.username || gettext("Someone"));
      const words = unsaved.delete(setting)
        ? gettext("%(name)s changed this just now, so your change was not saved.")
        : gettext("%(name)s changed this just now.");
      show(setting, "theirs", interpolate(words, { name }));
    }
  }
}

/** @param {unknown} one @param {unknown} other */
function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Show changes made while there was no connection, or since the page was rendered. */
async function refresh() {
  const settings = await client.rest.get(`/api/guilds/${guildId}/settings`).catch(() => null);
  for (const [name, value] of Object.entries(settings ?? {})) {
    const controls = controlsOf(name);
    // A value that was refused or not sent stays as typed, with the reason.
    if (!controls.length || controls[0].getAttribute("aria-invalid") === "true" || same(read(name), value)) continue;
    if (!controls.includes(/** @type {any} */ (document.activeElement))) write(name, value);
  }
}

/** @param {ConnectionState} state @param {Problem | null} problem */
function connectionChanged(state, problem) {
  showConnection(state, problem);
  live = state === "live";
  if (live && wasLive) {
    saveAgain().then(refresh);
    rules.read();
  }
  wasLive ||= state === "live";
}

/** For managers of a guild: refreshes it from Discord, and shows whether the bot is online. */

import { readCsrfCookie } from "../client/auth.js";
import { exchangeJson } from "../client/rest.js";
import { byId, setText } from "../backline/js/dom.js";
import { reasonOf } from "../backline/js/refusal.js";

const LOOK_MS = 10_000;
const guild = `/api/guilds/${document.body.dataset.guildId}`;
const notice = byId("guild-stale");
/** @type {HTMLButtonElement} */
const button = byId("guild-read");

/** @param {{stale_since: string | null}} answer */
function show({ stale_since: since }) {
  notice.hidden = !since;
  if (!since) return;
  const time = byId("guild-stale-since");
  time.setAttribute("datetime", since);
  setText(time, new Date(since).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }));
}

button.addEventListener("click", async () => {
  button.disabled = true;
  setText(byId("guild-read-problem"), "");
  try {
    const headers = { Accept: "application/json", "X-CSRFToken": readCsrfCookie() };
    await exchangeJson(fetch, `${guild}/refresh`, { method: "POST", headers });
    location.reload();
  } catch (error) {
    setText(byId("guild-read-problem"), reasonOf(error));
    button.disabled = false;
  }
});

setInterval(async () => {
  if (document.hidden || notice.hidden) return;
  try {
    show(await exchangeJson(fetch, guild, { headers: { Accept: "application/json" } }));
  } catch {
    // The connection state in the header shows that the server does not respond.
  }
}, LOOK_MS);

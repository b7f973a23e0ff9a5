/** The dashboard: fetches the person's servers from Discord again when the list is old, or on request. */

import { exchangeJson } from "../client/rest.js";
import { byId, setText } from "../backline/js/dom.js";
import { gettext } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/** @type {HTMLButtonElement} */
const button = byId("guilds-read");
const problem = byId("guilds-problem");

/** @param {"auto" | "true"} refresh */
async function read(refresh) {
  const headers = { Accept: "application/json" };
  /** @type {Record<string, unknown>[]} */
  const guilds = await exchangeJson(fetch, `/api/guilds?scope=all&refresh=${refresh}`, { headers });
  const current = guilds.map((guild) => [guild.id, guild.bot_installed, guild.can_manage, guild.name].join(" "));
  /** @type {NodeListOf<HTMLElement>} */
  const cards = document.querySelectorAll("[data-guild]");
  const shown = [...cards].map(({ dataset }) =>
    [dataset.guild, dataset.installed, dataset.manages, dataset.name].join(" "),
  );
  if (current.sort().join("\n") !== shown.sort().join("\n")) location.reload();
}

button.addEventListener("click", async () => {
  button.disabled = true;
  setText(problem, "");
  try {
    await read("true");
    setText(problem, gettext("The list is up to date."));
  } catch (error) {
    setText(problem, reasonOf(error));
  }
  button.disabled = false;
});

if ("old" in button.dataset) {
  read("auto").catch((error) => setText(problem, reasonOf(error)));
}

/** The dashboard: asks Discord for one's servers again when the list is old, or when somebody wants it. */

import { exchangeJson } from "../client/rest.js";
import { byId, setText } from "../backline/js/dom.js";

/** @import { ApiError, NetworkError } from "../client/errors.js" */

/** @type {HTMLButtonElement} */
const button = byId("guilds-read");
const problem = byId("guilds-problem");

/**
 * @param {"auto" | "true"} refresh
 * @throws {ApiError | NetworkError}
 */
async function read(refresh) {
  const headers = { Accept: "application/json" };
  /** @type {Record<string, unknown>[]} */
  const guilds = await exchangeJson(fetch, `/api/guilds?scope=all&refresh=${refresh}`, { headers });
  const told = guilds.map((guild) => [guild.id, guild.bot_installed, guild.can_manage, guild.name].join(" "));
  /** @type {NodeListOf<HTMLElement>} */
  const cards = document.querySelectorAll("[data-guild]");
  const shown = [...cards].map(({ dataset }) =>
    [dataset.guild, dataset.installed, dataset.manages, dataset.name].join(" "),
  );
  if (told.sort().join("\n") !== shown.sort().join("\n")) location.reload();
}

button.addEventListener("click", async () => {
  button.disabled = true;
  setText(problem, "");
  try {
    await read("true");
    setText(problem, "The list is up to date with Discord.");
  } catch (error) {
    setText(problem, /** @type {Error} */ (error).message);
  }
  button.disabled = false;
});

if ("old" in button.dataset) {
  read("auto").catch((/** @type {ApiError | NetworkError} */ error) => setText(problem, error.message));
}

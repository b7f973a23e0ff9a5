/** What the pages of the past of a guild share: one store, the part that follows it, and messages. */

import { Client } from "../client/client.js";
import { GuildStore } from "../client/guild.js";
import { announce, propose } from "../backline/js/announce.js";
import { showConnection } from "../backline/js/connection-pill.js";
import { gettext } from "../backline/js/i18n.js";
import { LivePart } from "../backline/js/live-part.js";
import { showLost } from "../backline/js/lost.js";

/** @import { GuildSyncEvent } from "../client/types.d.ts" */

const client = new Client({ baseUrl: location.origin, userId: document.body.dataset.userId });
export const { rest } = client;

/**
 * Follow the guild's log, and keep the page's `#past` current.
 * @param {(event: GuildSyncEvent) => boolean} matters whether an event may change what is shown
 * @param {(node: Element) => void} [prepare] called with each row
 */
export function followPast(matters, prepare) {
  const part = new LivePart("past", prepare);
  let wasLive = false;
  const store = new GuildStore({
    client,
    guildId: document.body.dataset.guildId ?? "",
    onEvents: (events) => { if (events.some(matters)) part.soon(); },
    onReset: () => { if (wasLive) part.soon(); },
    onState: (state, problem) => {
      showConnection(state, problem);
      showLost(state);
      if (state === "live" && wasLive) part.soon();
      wasLive ||= state === "live";
    },
  });
  addEventListener("online", () => store.wake());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) store.wake();
  });
  const filters = document.querySelector(".past-filters");
  filters?.addEventListener("change", () => /** @type {HTMLFormElement} */ (filters).requestSubmit());
  store.start();
  return { store, part };
}

/**
 * Say what was done, with a button that reverses it.
 * @param {string} text
 * @param {"Undo" | "Redo"} name
 * @param {() => void} act
 */
export function offer(text, name, act) {
  const undo = name === "Undo";
  propose(text, { words: undo ? gettext("Undo") : gettext("Redo"), icon: undo ? "undo-2" : "redo-2", act });
  announce(text);
}

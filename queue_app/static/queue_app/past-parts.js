/** What the pages of the past of a guild share: one store, the part that follows it, and how acts are told. */

import { Client } from "../client/client.js";
import { GuildStore } from "../client/guild.js";
import { showConnection } from "../backline/js/connection-pill.js";
import { byId, element, icon } from "../backline/js/dom.js";
import { gettext } from "../backline/js/i18n.js";
import { LivePart } from "../backline/js/live-part.js";
import { showLost } from "../backline/js/lost.js";

/** @import { GuildSyncEvent } from "../client/types.d.ts" */

const TOLD_MS = 8_000;

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
 * Say what was done, with a button that undoes it.
 * @param {string} text
 * @param {(() => Promise<unknown>) | null} [undo]
 */
export function told(text, undo = null) {
  const close = element("button", { class: "icon-button", type: "button", "aria-label": gettext("Dismiss") }, icon("x"));
  const shown = element("div", { class: "toast" }, element("span", {}, text), close);
  const remove = () => shown.remove();
  let timer = setTimeout(remove, TOLD_MS);
  for (const name of ["pointerenter", "focusin"]) shown.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) {
    shown.addEventListener(name, () => {
      clearTimeout(timer);
      timer = setTimeout(remove, TOLD_MS);
    });
  }
  close.addEventListener("click", remove);
  if (undo) {
    const button = element("button", { class: "button button-small toast-undo", type: "button" }, gettext("Undo"));
    button.addEventListener("click", () => {
      remove();
      undo();
    });
    close.before(button);
  }
  byId("toasts").replaceChildren(shown); // the newest wins
}

/** Who listens in the bot's voice channel, beside the current track. People who join and leave append no event. */

import { ApiError } from "../client/errors.js";
import { exchangeJson } from "../client/rest.js";
import { avatar, byId, element, icon, setText } from "../backline/js/dom.js";
import { gettext, interpolate, ngettext } from "../backline/js/i18n.js";

/** @typedef {{id: string, name: string, avatar_url: string | null, deafened: boolean}} Listener */

const LOOK_MS = 8_000;
const { guildId, userId } = document.body.dataset;
const list = byId("listener-list");
let drawn = "";

async function look() {
  if (document.hidden) return;
  const headers = { Accept: "application/json" };
  const found = await exchangeJson(fetch, `/api/guilds/${guildId}/listeners`, { headers }).catch((error) => {
    if (error instanceof ApiError && error.status === 401) clearInterval(timer); // nobody is logged in any more
    return null;
  });
  if (!found || JSON.stringify(found) === drawn) return; // without a connection, the last known people stay
  drawn = JSON.stringify(found);
  /** @type {Listener[]} */
  const people = found.items;
  const hearing = people.filter(({ deafened }) => !deafened).length;
  byId("listeners").hidden = !people.length;
  list.replaceChildren(...people.map(row));
  const words = ngettext("%(count)s person listens in %(channel)s", "%(count)s people listen in %(channel)s", hearing);
  if (found.channel) setText(byId("listener-words"), interpolate(words, { count: hearing, channel: found.channel.name }));
}

/** @param {Listener} person */
function row({ id, name, avatar_url, deafened }) {
  const node = element("li", { class: "listener", "data-deafened": deafened }, avatar({ id, name, avatar_url }),
    element("bdi", {}, id === userId ? gettext("You") : name));
  if (deafened) {
    const words = gettext("Deafened: does not hear the music, and does not count for votes");
    node.append(icon("headphone-off"), element("span", { class: "visually-hidden" }, words));
    node.title = words;
  }
  return node;
}

const timer = setInterval(look, LOOK_MS);
look();
document.addEventListener("visibilitychange", look);

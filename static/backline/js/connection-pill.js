/** The state of the connection, in a page's header. */

import { byId, element, setText } from "./dom.js";
import { gettext } from "./i18n.js";

/** @import { ConnectionState, Problem } from "../../client/types.d.ts" */

/** The login that leads back to this page. */
export const LOGIN_URL = `/api/auth/discord/login?${new URLSearchParams({ next: location.pathname })}`;

/** @type {Record<ConnectionState, string>} */
export const CONNECTION_WORDS = {
  connecting: gettext("Connecting"),
  live: gettext("Live"),
  waiting: gettext("Offline"),
  signed_out: gettext("Logged out"),
  refused: gettext("Disconnected"),
};

/** @param {ConnectionState} state @param {Problem | null} problem */
export function showConnection(state, problem) {
  const pill = byId("connection");
  pill.dataset.state = state;
  pill.title = problem?.detail ?? "";
  const words = pill.children[1];
  if (state !== "signed_out") setText(words, CONNECTION_WORDS[state]);
  else words.replaceChildren(element("a", { href: LOGIN_URL }, gettext("Logged out. Log in")));
}

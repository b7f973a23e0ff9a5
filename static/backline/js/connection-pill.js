/** How the connection is, in a page's header. */

import { byId, element, setText } from "./dom.js";

/** @import { ConnectionState, Problem } from "../../client/types.d.ts" */

/** Back to this page. */
export const LOGIN_URL = `/api/auth/discord/login?${new URLSearchParams({ next: location.pathname })}`;

/** @type {Record<ConnectionState, string>} */
export const CONNECTION_WORDS = {
  connecting: "Connecting",
  live: "Live",
  waiting: "Offline",
  signed_out: "Signed out",
  refused: "Ended",
};

/** @param {ConnectionState} state @param {Problem | null} problem */
export function showConnection(state, problem) {
  const pill = byId("connection");
  pill.dataset.state = state;
  pill.title = problem?.detail ?? "";
  const words = pill.children[1];
  if (state !== "signed_out") setText(words, CONNECTION_WORDS[state]);
  else words.replaceChildren(element("a", { href: LOGIN_URL }, "Signed out: log in"));
}

/** How the connection is, in the header of a page that has no guild. */

import { byId, element, setText } from "./dom.js";

/** @import { ConnectionState, Problem } from "../../client/types.d.ts" */

/** @type {Record<ConnectionState, string>} */
const WORDS = {
  connecting: "Connecting",
  live: "Live",
  waiting: "Waiting for the network",
  signed_out: "Signed out",
  refused: "Ended",
};

/** @param {ConnectionState} state @param {Problem | null} problem */
export function showConnection(state, problem) {
  const pill = byId("connection");
  pill.dataset.state = state;
  pill.title = problem?.detail ?? "";
  const words = pill.children[1];
  if (state !== "signed_out") setText(words, WORDS[state]);
  else words.replaceChildren(element("a", { href: loginUrl() }, "Signed out: log in"));
}

function loginUrl() {
  return `/api/auth/discord/login?${new URLSearchParams({ next: location.pathname })}`;
}

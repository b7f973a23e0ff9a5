/** Says since when there is no connection, on pages that show a state of before. */

import { byId, setText } from "./dom.js";
import { clockTime } from "./format.js";
import { gettext, interpolate } from "./i18n.js";

/** @import { ConnectionState } from "../../client/types.d.ts" */

/** @type {Date | null} */
let since = null;

/** @param {ConnectionState} state */
export function showLost(state) {
  if (state === "live") since = null;
  else if (state !== "connecting") since ??= new Date();
  byId("lost").hidden = !since;
  const words = gettext("No connection since %(time)s. This page may be out of date.");
  if (since) setText(byId("lost-words"), interpolate(words, { time: clockTime(since) }));
}

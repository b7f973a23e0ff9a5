/** One stream: its picture, its alerts, who is connected, and this device's camera. */

import { Client } from "../client/client.js";
import { Streams } from "../client/streams.js";
import { showConnection } from "../backline/js/connection-pill.js";
import { avatar, byId, element, icon, setText } from "../backline/js/dom.js";
import { isMe } from "../backline/js/format.js";
import { gettext } from "../backline/js/i18n.js";
import { AlertList } from "./stream-alerts.js";
import { Camera, FRAME_TYPE } from "./stream-camera.js";
import { Picture } from "./stream-picture.js";

/** @import { ConnectionState, Problem } from "../client/types.d.ts" */
/** @import { Present, PresenceNews } from "../client/stream.js" */

/** @type {Record<string, string>} */
const DEVICE_ICONS = { mobile: "smartphone", web: "monitor" };
/** @type {Record<string, string>} */
const NO_PICTURE = {
  connecting: gettext("Connecting"),
  waiting: gettext("No connection"),
  signed_out: gettext("You are logged out"),
};
/** @type {Record<string, string>} by the code of the refusal */
const ENDS = {
  NOT_FOUND: gettext("This stream was deleted"),
  UNAUTHORIZED: gettext("This stream is no longer shared with you"),
};

const { streamId = "", durableTypes = "", member, userId } = document.body.dataset;
const client = new Client({ baseUrl: location.origin, userId });
const streams = new Streams({ baseUrl: location.origin, tokens: client.tokens });
const serverNow = () => streams.now();
const picture = new Picture({ serverNow });
const alerts = new AlertList({ rest: client.rest, streamId, serverNow });
const camera = document.getElementById("camera-toggle") ? new Camera({ streamId, tokens: client.tokens }) : null;

const shown = streams.register({
  streamId,
  consumes: [FRAME_TYPE, ...durableTypes.split(" ").filter(Boolean)],
  credit: 1,
  presence: member === "true",
  onFrame: (frame) => picture.draw(frame),
  onMessage: () => alerts.refresh(),
  onReset: () => alerts.beginAnew(),
  onDurableTypes: (types) => shown.consume([FRAME_TYPE, ...types]),
  onPresence: showPresence,
  onState: follow,
});
for (const change of ["online", "offline"]) addEventListener(change, () => streams.wake());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) streams.wake();
});

/** @param {ConnectionState} state @param {Problem | null} problem */
function follow(state, problem) {
  showConnection(state, problem);
  if (state === "live") {
    picture.wait(gettext("No one is streaming"));
    alerts.refresh();
  } else {
    picture.lose(NO_PICTURE[state] ?? ENDS[problem?.code ?? ""] ?? problem?.detail ?? gettext("No access"));
    if (member === "true" && state !== "connecting") showNobody(gettext("Unknown while offline."));
  }
  if (state === "refused") end();
}

/** Hide what needs the stream: it was deleted, or is no longer shared. */
function end() {
  camera?.stop("");
  alerts.end();
  for (const part of document.querySelectorAll("[data-with-stream]")) /** @type {HTMLElement} */ (part).hidden = true;
}

/** @param {PresenceNews} news */
function showPresence({ present }) {
  const live = present.some(({ produces }) => produces.includes(FRAME_TYPE));
  picture.wait(live ? gettext("Waiting for the next picture") : gettext("No one is streaming"), live);
  // People who only have the list of streams open are not shown.
  const there = present.filter(({ produces, consumes }) => produces.length || consumes.length);
  byId("present").replaceChildren(...perDevice(there).map(presentRow));
  byId("present-empty").hidden = there.length > 0;
  setText(byId("present-empty"), gettext("No one else is here."));
}

/** @param {string} words why nobody is shown */
function showNobody(words) {
  byId("present").replaceChildren();
  byId("present-empty").hidden = false;
  setText(byId("present-empty"), words);
}

/**
 * Group connections by person and kind of device: a page has one connection to watch and one to send.
 * @param {Present[]} there @returns {Present[][]}
 */
function perDevice(there) {
  /** @type {Map<string, Present[]>} */
  const found = new Map();
  for (const one of there) {
    const key = `${one.userId} ${one.clientType}`;
    found.set(key, [...(found.get(key) ?? []), one]);
  }
  return [...found.values()];
}

/** @param {Present[]} connections of one person with one kind of device */
function presentRow(connections) {
  const [{ userId: id, username, displayName, clientType }] = connections;
  const name = displayName || username;
  const me = isMe({ id });
  const sends = connections.some(({ produces }) => produces.length);
  const watches = connections.some(({ consumes }) => consumes.length);
  const activity = !sends ? gettext("watching") : watches ? gettext("sending and watching") : gettext("sending");
  return element("li", {},
    avatar({ name }),
    element("span", {}, element("strong", {}, element("bdi", {}, me ? gettext("You") : name)), ` · ${activity}`),
    element("span", { class: "device" }, icon(DEVICE_ICONS[clientType] ?? "terminal"), clientType || gettext("device")));
}

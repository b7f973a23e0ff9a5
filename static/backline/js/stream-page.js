/** One stream: its picture, its alerts, who is there, and this device's camera. */

import { Client } from "../../client/client.js";
import { Streams } from "../../client/streams.js";
import { showConnection } from "./connection-pill.js";
import { avatar, byId, element, icon } from "./dom.js";
import { isMe } from "./format.js";
import { AlertList } from "./stream-alerts.js";
import { Camera, FRAME_TYPE } from "./stream-camera.js";
import { Picture } from "./stream-picture.js";

/** @import { ConnectionState, Problem } from "../../client/types.d.ts" */
/** @import { Present, PresenceNews } from "../../client/stream.js" */

/** @type {Record<string, string>} */
const DEVICE_ICONS = { mobile: "smartphone", web: "monitor" };
/** @type {Record<string, string>} */
const NO_PICTURE = {
  connecting: "Connecting",
  waiting: "Waiting for the network",
  signed_out: "You are signed out",
};

const { streamId = "", durableTypes = "", member, userId } = document.body.dataset;
const client = new Client({ baseUrl: location.origin, userId });
const streams = new Streams({ baseUrl: location.origin, tokens: client.tokens });
const serverNow = () => streams.now();
const picture = new Picture({ serverNow });
const alerts = new AlertList({ rest: client.rest, streamId, serverNow });
if (document.getElementById("camera-toggle")) new Camera({ streamId, tokens: client.tokens });

streams.register({
  streamId,
  consumes: [FRAME_TYPE, ...durableTypes.split(" ").filter(Boolean)],
  credit: 1,
  presence: member === "true",
  onFrame: (frame) => picture.draw(frame),
  onMessage: () => alerts.refresh(),
  onReset: () => alerts.refresh(),
  onPresence: showPresence,
  onState: follow,
});
addEventListener("online", () => streams.wake());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) streams.wake();
});

/** @param {ConnectionState} state @param {Problem | null} problem */
function follow(state, problem) {
  showConnection(state, problem);
  picture.wait(state === "live" ? "Nobody is streaming now" : NO_PICTURE[state] ?? problem?.detail ?? "Refused");
  if (state === "live") alerts.refresh();
}

/** @param {PresenceNews} news */
function showPresence({ present }) {
  const live = present.some(({ produces }) => produces.includes(FRAME_TYPE));
  picture.wait(live ? "Waiting for the next picture" : "Nobody is streaming now");
  // Whoever only has the list of streams open takes no part.
  const there = present.filter(({ produces, consumes }) => produces.length || consumes.length);
  byId("present").replaceChildren(...there.map(presentRow));
  byId("present-empty").hidden = there.length > 0;
}

/** @param {Present} one */
function presentRow({ userId: id, username, clientType, produces, consumes }) {
  const me = isMe({ id, username, avatar_url: null });
  const does = [produces.length ? "send" : "", consumes.length ? "watch" : ""].filter(Boolean);
  const words = me ? does : does.map((verb) => (verb === "send" ? "sends" : "watches"));
  return element("li", {},
    avatar({ username }),
    element("span", {}, element("strong", {}, me ? "You" : username), ` ${words.join(" and ")}`),
    element("span", { class: "device" }, icon(DEVICE_ICONS[clientType] ?? "terminal"), clientType || "device"));
}

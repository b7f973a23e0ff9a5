/** The JavaScript client's streams on a real server. The test around this cuts its network and ends its session. */

import assert from "node:assert/strict";

import { SignedOutError, Streams, TokenSource } from "../../clients/js/src/index.js";
import { until } from "./peer.mjs";

const { BASE_URL, TOKEN, EXPIRING_TOKEN, DOOMED_TOKEN } = process.env;
const timing = { random: () => 0.1, pingEveryMs: 200 };
const frames = 20;
/** Fail after a timeout: a promise that never settles would block this program and its test forever. */
setTimeout(() => {
  throw new Error("It took too long.");
}, 25_000).unref();

/** @param {string[]} given tokens to return, one after another; after them the user counts as logged out */
function openStreams(...given) {
  const heard = [];
  const obtain = async () => {
    if (!given.length) throw new SignedOutError();
    return { access: given.length > 1 ? given.shift() : given.pop() };
  };
  const streams = new Streams({
    baseUrl: BASE_URL, tokens: new TokenSource({ obtain }), timing,
    openSocket: (url, protocols) => {
      const socket = new WebSocket(url, protocols);
      socket.addEventListener("message", ({ data }) => typeof data === "string" && heard.push(JSON.parse(data)));
      return socket;
    },
  });
  return { streams, heard };
}
const places = [];
const enter = ({ streams }, options) => {
  const place = { states: [], problems: [], frames: [], messages: [], presence: null };
  place.stream = streams.register({
    clientType: "test",
    onState: (state, problem) => place.states.push([state, problem?.code]),
    onProblem: (problem) => place.problems.push(problem),
    onMessage: (message) => place.messages.push(message),
    onPresence: (news) => (place.presence = news),
    ...options,
  });
  places.push(place);
  return place;
};
const live = (place) => until(() => place.stream.state === "live");

// A producer creates the stream. A slow consumer gets the newest frame, and the number of missed ones.
const device = openStreams(TOKEN, TOKEN, TOKEN);
const service = openStreams(TOKEN, TOKEN, TOKEN);
const camera = enter(device, { streamId: "js-cam", produces: ["video-frame", "note"] });
await live(camera);
const letGo = [];
const watcher = enter(service, {
  streamId: "js-cam", produces: ["alert"], consumes: ["video-frame", "alert", "note"], presence: true,
  onFrame: (frame) => {
    watcher.frames.push(frame);
    return new Promise((shown) => letGo.push(shown));
  },
});
await live(watcher);
const picture = (number) => new Uint8Array(2_000).fill(number);
for (let number = 1; number <= frames; number++) {
  assert.ok(camera.stream.sendFrame("video-frame", picture(number), { number, capturedAt: device.streams.now() }));
}
await camera.stream.send({ type: "note", text: "all sent" });
await until(() => watcher.messages.length === 1);
assert.equal(watcher.frames.length, 1, "one at a time, until it is shown");
letGo.shift()();
await until(() => watcher.frames.length === 2);
const [first, newest] = watcher.frames;
assert.deepEqual([first.header.number, newest.header.number, newest.header.missed], [1, frames, frames - 2]);
assert.deepEqual([...newest.payload], [...picture(frames)]);
letGo.shift()();
assert.ok(Math.abs(service.streams.now() - Date.now()) < 200, "the server's clock is this machine's");
await until(() => watcher.presence?.producing === 2 && watcher.presence.watching === 1);

// Another user's stream, and a type that was not declared, are refused with a sentence.
const stranger = enter(service, { streamId: "private", consumes: ["video-frame"] });
await until(() => stranger.stream.state === "refused");
assert.deepEqual(stranger.states.at(-1), ["refused", "UNAUTHORIZED"]);
await assert.rejects(stranger.stream.send({ type: "alert" }), { name: "NetworkError" });
await assert.rejects(camera.stream.send({ type: "surprise" }), { code: "BAD_MESSAGE" });
assert.equal(watcher.stream.state, "live", "other streams of the connection stay");

// A message that is too large would close the connection, so it is not sent.
await assert.rejects(camera.stream.send({ type: "note", text: "é".repeat(40_000) }), { code: "TOO_LARGE" });
assert.equal(camera.stream.sendFrame("video-frame", new Uint8Array(1_000_000)), false);
assert.deepEqual(camera.problems.map(({ code }) => code), ["TOO_LARGE"]);
// Messages above the server's rate limit are sent later, and none is refused.
const notes = [];
const heardBefore = device.heard.length;
const faster = () => device.heard.slice(heardBefore).some(({ code }) => code === "RATE_LIMITED");
while (!faster() && notes.length < 5_000) {
  const numbers = [...Array(90).keys()].map((more) => notes.length + more);
  notes.push(...await Promise.all(numbers.map((number) => camera.stream.send({ type: "note", number }))));
}
assert.ok(faster(), "it was faster");
assert.deepEqual(camera.states.map(([state]) => state), ["connecting", "live"], "on one connection");
const noted = () => watcher.messages.filter(({ number }) => number !== undefined).length;
await until(() => noted() >= notes.length);
assert.equal(noted(), notes.length);
watcher.messages.length = 0;

// Alerts while the network fails arrive once each, in order, with their seqs.
const alerts = [];
for (let number = 1; number <= 30; number++) {
  alerts.push(watcher.stream.send({ type: "alert", number }));
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (number === 15) process.stdout.write("cut\n");
}
const acks = await Promise.all(alerts);
assert.deepEqual(acks.map(({ seq }) => seq), [...acks.keys()].map((index) => index + 1));
const received = () => watcher.messages.filter(({ type }) => type === "alert");
await until(() => received().length >= 30);
assert.deepEqual(received().map(({ seq, number }) => [seq, number]), acks.map(({ seq }) => [seq, seq]));
assert.ok(watcher.states.some(([state]) => state === "waiting"), "the network was away");
assert.equal(watcher.stream.position.seq, 30);

// A client that comes back resumes from its cursor.
const late = openStreams(TOKEN);
const reader = enter(late, { streamId: "js-cam", consumes: ["alert"], since: 27, epoch: watcher.stream.position.epoch });
await until(() => reader.messages.length === 3);
assert.deepEqual(reader.messages.map(({ seq }) => seq), [28, 29, 30]);
reader.stream.close();
// A cursor of another log is reported, and the client continues from now.
let resets = 0;
const lost = enter(late, { streamId: "js-cam", consumes: ["alert"], since: 3, epoch: "another", onReset: () => resets++ });
await live(lost);
assert.deepEqual([resets, lost.stream.position.seq], [1, 30]);

// A token that expires is renewed on the open connection.
const renewing = openStreams(EXPIRING_TOKEN, TOKEN);
await live(enter(renewing, { streamId: "js-cam", consumes: ["alert"] }));
await until(() => renewing.heard.some(({ type }) => type === "authed"));

// The end of the session is reported, and nothing is retried.
const doomed = openStreams(DOOMED_TOKEN);
const guest = enter(doomed, { streamId: "js-own", produces: ["alert"] });
await live(guest);
process.stdout.write("revoke\n");
await until(() => guest.stream.state === "signed_out");
await assert.rejects(guest.stream.send({ type: "alert" }), { name: "NetworkError" });

for (const { streams } of [device, service, late, renewing, doomed]) streams.close();
await until(() => [device, service, late, renewing].every(({ streams }) => streams.state === "waiting"));

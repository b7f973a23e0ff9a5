/** The player's position, and what commands will change, shown at once. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { goOffline, pass, peer, playingPlayer, start, store } from "./guild-scene.mjs";
import { idlePlayer, makeItem, until } from "./peer.mjs";

/** Answer the next commands when the returned function is called: with the answer, or null to refuse. */
function holdCommands() {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  peer.interceptHttp = async ({ path }) => {
    if (!path.endsWith("/commands")) return null;
    const seq = await held;
    return seq === null ? { status: 403, body: { code: "FORBIDDEN", detail: "Not you." } } : { status: 200, body: { seq, result: {} } };
  };
  return release;
}

const shown = () => {
  const { status, volume, loop } = store.player;
  return { status, volume, loop, at: store.positionMs };
};

test("the position moves while playing, only then, and stops at the end", async () => {
  const item = makeItem("a", { duration_ms: 10_000, state: "playing" });
  peer.player = { ...idlePlayer(), status: "playing", item, position_ms: 4_000 };
  await start();
  pass(1_500);
  assert.equal(store.positionMs, 5_500);
  pass(60_000);
  assert.equal(store.positionMs, 10_000);
  peer.append("PlayerPaused", { player: { ...peer.player, status: "paused", position_ms: 6_000 } });
  await until(() => store.player.status === "paused");
  pass(1_000);
  assert.equal(store.positionMs, 6_000);
});

test("without a connection the position stands, and afterwards it is asked for before it moves again", async () => {
  const item = makeItem("a", { duration_ms: null, state: "playing" });
  peer.player = { ...idlePlayer(), status: "playing", item, position_ms: 4_000 };
  await start();
  pass(1_000);
  const back = await goOffline();
  pass(60_000);
  assert.equal(store.positionMs, 5_000);
  peer.player = { ...peer.player, position_ms: 9_000 };
  back();
  await until(() => store.positionMs === 9_000);
  pass(500);
  assert.equal(store.positionMs, 9_500);
});

test("news of the track does not move its position", async () => {
  const item = makeItem("a", { state: "playing" });
  peer.player = { ...idlePlayer(), status: "playing", item, position_ms: 1_000 };
  await start();
  pass(2_000);
  peer.append("TrackResolved", { item: { ...item, track: { ...item.track, artist: "x" } } });
  await until(() => store.player.item.track.artist === "x");
  assert.equal(store.positionMs, 3_000);
});

test("after an interruption the position is asked for again", async () => {
  const item = makeItem("a", { state: "playing" });
  peer.player = { ...idlePlayer(), status: "playing", item, position_ms: 1_000 };
  await start();
  peer.player = { ...peer.player, position_ms: 30_000 };
  peer.closeAll(1012);
  await until(() => store.positionMs === 30_000);
});

const STEERING = [
  ["setVolume", [40], { volume: 40 }],
  ["setLoop", ["queue"], { loop: "queue" }],
  ["setPaused", [true], { status: "paused", at: 12_000 }],
  ["seek", [45_000], { at: 45_000 }],
  ["seek", [90_000], { at: 60_000 }],
  ["seekBy", [-30_000], { at: 0 }],
  ["seekBy", [5_000], { at: 17_000 }],
  ["replay", [], { at: 0 }],
];
for (const [name, args, change] of STEERING) {
  test(`${name}(${args}) is shown at once, and taken back when refused`, async () => {
    peer.player = playingPlayer();
    await start();
    pass(2_000);
    const before = shown();
    assert.equal(before.at, 12_000);
    const release = holdCommands();
    const asked = store[name](...args);
    assert.deepEqual(shown(), { ...before, ...change });
    release(null);
    await assert.rejects(asked, /Not you/);
    assert.deepEqual(shown(), before);
  });
}

test("what was predicted ends with its event, whichever comes first", async () => {
  peer.player = playingPlayer();
  await start();
  for (const eventFirst of [true, false]) {
    const release = holdCommands();
    const asked = store.seek(45_000);
    pass(1_000);
    assert.equal(store.positionMs, 46_000, "it goes on from there");
    const deliver = () => peer.append("PlayerSeeked", { position_ms: 45_000, player: { ...peer.player, position_ms: 45_100 } });
    if (eventFirst) deliver();
    release(peer.head + (eventFirst ? 0 : 1));
    await asked;
    if (!eventFirst) {
      assert.equal(store.positionMs, 46_000, "the event has not arrived yet");
      deliver();
    }
    await until(() => store.positionMs === 45_100);
    pass(1_000);
    assert.equal(store.positionMs, 46_100);
  }
});

test("resuming shows what the server will say first, and only where it was paused", async () => {
  peer.player = { ...playingPlayer(), status: "paused", error: { code: "PAUSED", detail: "It is paused." } };
  await start();
  const release = holdCommands();
  const asked = store.setPaused(false);
  assert.deepEqual([store.player.status, store.player.error, store.positionMs], ["connecting", null, 10_000]);
  release(null);
  await assert.rejects(asked);
  assert.equal(store.player.error.code, "PAUSED");
});

test("what steers the player is a command, carried out now", async () => {
  await start();
  peer.interceptHttp = ({ path }) => (path.endsWith("/commands") ? { status: 200, body: { seq: null, result: {} } } : null);
  await store.setVoiceChannel("4");
  await store.setVoiceChannel(null);
  await store.setPaused(true);
  assert.deepEqual(peer.requests.slice(-3).map(({ path, body }) => [path, body.name, body.args]), [
    ["/api/guilds/1/commands", "JoinVoice", { channel_id: "4" }],
    ["/api/guilds/1/commands", "LeaveVoice", {}],
    ["/api/guilds/1/commands", "Pause", {}],
  ]);
});

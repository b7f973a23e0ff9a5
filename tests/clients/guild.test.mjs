import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, test } from "node:test";

import { fromSession } from "../../clients/js/src/auth.js";
import { Client } from "../../clients/js/src/client.js";
import { NetworkError, SignedOutError, SyncError } from "../../clients/js/src/errors.js";
import { GuildStore, applyEvent } from "../../clients/js/src/guild.js";
import { MemoryStorage } from "../../clients/js/src/storage.js";
import { Peer, idlePlayer, makeItem, until } from "./peer.mjs";

const event = (name, args) => ({ name, args, seqNum: 1, parentSeqNum: 0, eventId: "e", metadata: { userId: null, timestamp: 0, via: "bot" } });
const titles = ({ queue }) => queue.map(({ track }) => track.title);

function state(...names) {
  const queue = names.map((name) => makeItem(name));
  return { guild: { id: "1", name: "Guild" }, queue, player: idlePlayer() };
}

test("TrackAdded inserts behind another item, at the front, and behind the last", () => {
  const before = state("a", "b");
  const item = makeItem("x");
  const [a, b] = before.queue;
  assert.deepEqual(titles(applyEvent(before, event("TrackAdded", { item, after: a.id }))), ["a", "x", "b"]);
  assert.deepEqual(titles(applyEvent(before, event("TrackAdded", { item, after: null }))), ["x", "a", "b"]);
  assert.deepEqual(titles(applyEvent(before, event("TrackAdded", { item, after: b.id }))), ["a", "b", "x"]);
  assert.deepEqual(titles(before), ["a", "b"], "the state before is left as it was");
});

test("TrackResolved replaces the item in the queue or in the player", () => {
  const before = state("a", "b");
  before.player.item = makeItem("now");
  const better = (item) => ({ ...item, track: { ...item.track, title: `${item.track.title}!` } });
  assert.deepEqual(titles(applyEvent(before, event("TrackResolved", { item: better(before.queue[1]) }))), ["a", "b!"]);
  const after = applyEvent(before, event("TrackResolved", { item: better(before.player.item) }));
  assert.equal(after.player.item.track.title, "now!");
});

for (const name of ["TrackStarted", "TrackFinished", "TrackSkipped", "TrackFailed"]) {
  test(`${name} drops the item and takes the player`, () => {
    const before = state("a", "b");
    const player = { ...idlePlayer(), status: "playing" };
    const after = applyEvent(before, event(name, { item: before.queue[0], player }));
    assert.deepEqual(titles(after), ["b"]);
    assert.equal(after.player, player);
  });
}

test("TrackRequeued puts the item first and takes the player", () => {
  const before = state("a");
  const after = applyEvent(before, event("TrackRequeued", { item: makeItem("x"), player: idlePlayer() }));
  assert.deepEqual(titles(after), ["x", "a"]);
});

test("TrackRemoved drops the item", () => {
  const before = state("a", "b");
  assert.deepEqual(titles(applyEvent(before, event("TrackRemoved", { item: before.queue[1] }))), ["a"]);
});

test("TrackStarted and TrackRequeued of an item that was skipped before take it from and to the front", () => {
  const before = state("a");
  before.skip_vote = { votes: 1, needed: 2 };
  before.player = { ...idlePlayer(), item: makeItem("now"), status: "playing" };
  const skipped = { ...makeItem("x"), state: "skipped" };
  const playing = { ...idlePlayer(), item: { ...skipped, state: "playing" }, position_ms: 30_000 };
  const requeued = applyEvent(before, event("TrackRequeued", { item: before.player.item, player: idlePlayer() }));
  assert.deepEqual([titles(requeued), requeued.player.item, requeued.skip_vote], [["now", "a"], null, null]);
  const back = applyEvent(requeued, event("TrackStarted", { item: playing.item, player: playing }));
  assert.deepEqual([titles(back), back.player], [["now", "a"], playing]);
});

for (const name of ["PlayerPaused", "PlayerResumed", "LoopChanged", "PlayerSeeked", "VolumeChanged", "VoiceJoined", "VoiceLeft", "VoiceChanged", "PlayerErrorChanged"]) {
  test(`${name} takes the player and leaves the queue`, () => {
    const before = state("a");
    const player = { ...idlePlayer(), voice_channel_id: "5" };
    const after = applyEvent(before, event(name, { player }));
    assert.equal(after.player, player);
    assert.equal(after.queue, before.queue);
  });
}

test("an unknown event changes nothing", () => {
  const before = state("a");
  assert.equal(applyEvent(before, event("ConfettiThrown", { player: idlePlayer() })), before);
});

let peer, client, storage, store, now, refused;

beforeEach(async () => {
  peer = await new Peer().listen();
  now = 0;
  refused = [];
  storage = new MemoryStorage();
  open();
});
afterEach(async () => {
  await client.close();
  await peer.close();
});

/** Create user u1's client and store of the guild, over what is already in the storage. */
function open() {
  client = new Client({
    baseUrl: peer.baseUrl,
    userId: "u1",
    obtain: fromSession({ baseUrl: peer.baseUrl, csrfToken: () => "c" }),
    storage,
    timing: { random: () => 0.02 },
  });
  store = new GuildStore({
    client,
    guildId: "1",
    now: () => now,
    onReset: () => (store.resets = (store.resets ?? 0) + 1),
    onState: (connection) => (store.connection = connection),
    onLateRefusal: ({ args, note }, error) => refused.push(`${args.query ?? note.title}: ${error.message}`),
  });
}

async function start() {
  await store.start();
  await until(() => store.connection === "live");
}

const rows = () => store.rows.map(({ item, add, removing }) => (
  item ? item.track.title + (removing ? " (removing)" : "") : add.query + (add.waiting ? " (waiting)" : " (adding)")
));
const pushes = () => peer.frames.filter(({ type }) => type === "push").map(({ events }) => events.map(({ name, args }) => args.query ?? name));

/** Make the server refuse pushes with that error. */
function refuse(problem) {
  peer.intercept = (frame, socket) => {
    if (frame.type === "push") socket.send({ type: "error", id: frame.id, ...problem });
    return frame.type === "push";
  };
}

/** Make the server unavailable until the returned function is called. */
async function goOffline() {
  peer.refuseUpgrades = true;
  peer.interceptHttp = () => "cut";
  peer.closeAll(1012);
  await until(() => store.connection === "waiting");
  return () => {
    peer.refuseUpgrades = false;
    peer.interceptHttp = () => null;
  };
}

test("it shows the snapshot and then every event", async () => {
  peer.queue = [makeItem("a")];
  await start();
  assert.deepEqual(rows(), ["a"]);
  peer.append("TrackAdded", { item: makeItem("b"), after: peer.queue[0].id });
  await until(() => rows().join() === "a,b");
});

test("it says when events were missed, and not for a short loss of the connection", async () => {
  await start();
  for (const title of ["a", "b", "c"]) peer.append("TrackAdded", { item: makeItem(title), after: null });
  await until(() => store.rows.length === 3);
  const goOnline = await goOffline();
  peer.append("TrackAdded", { item: makeItem("d"), after: null });
  goOnline();
  await until(() => store.rows.length === 4);
  assert.equal(store.resets, undefined);
  const goOnlineAgain = await goOffline();
  peer.append("TrackAdded", { item: makeItem("e"), after: null });
  peer.pruned = peer.head;
  goOnlineAgain();
  await until(() => store.resets === 1 && store.connection === "live");
});

test("the position moves while playing, only then, and stops at the end", async () => {
  const item = makeItem("a", { duration_ms: 10_000, state: "playing" });
  peer.player = { ...idlePlayer(), status: "playing", item, position_ms: 4_000 };
  await start();
  now += 1_500;
  assert.equal(store.positionMs, 5_500);
  now += 60_000;
  assert.equal(store.positionMs, 10_000);
  peer.append("PlayerPaused", { player: { ...peer.player, status: "paused", position_ms: 6_000 } });
  await until(() => store.player.status === "paused");
  now += 1_000;
  assert.equal(store.positionMs, 6_000);
});

test("without a connection the position stands, and afterwards it is asked for before it moves again", async () => {
  const item = makeItem("a", { duration_ms: null, state: "playing" });
  peer.player = { ...idlePlayer(), status: "playing", item, position_ms: 4_000 };
  await start();
  now += 1_000;
  const back = await goOffline();
  now += 60_000;
  assert.equal(store.positionMs, 5_000);
  peer.player = { ...peer.player, position_ms: 9_000 };
  back();
  await until(() => store.positionMs === 9_000);
  now += 500;
  assert.equal(store.positionMs, 9_500);
});

test("news of the track does not move its position", async () => {
  const item = makeItem("a", { state: "playing" });
  peer.player = { ...idlePlayer(), status: "playing", item, position_ms: 1_000 };
  await start();
  now += 2_000;
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

test("an added track is shown at once and becomes the server's own", async () => {
  await start();
  const adding = store.add("moss");
  assert.deepEqual(rows(), ["moss (adding)"]);
  await adding;
  await until(() => rows().join() === "moss");
});

test("play next is shown at the front", async () => {
  peer.queue = [makeItem("a")];
  await start();
  const adding = store.add("moss", { position: "next" });
  assert.deepEqual(rows(), ["moss (adding)", "a"]);
  await adding;
});

test("a refused track disappears again", async () => {
  await start();
  refuse({ code: "QUEUE_FULL", detail: "It is full." });
  await assert.rejects(store.add("moss"), (error) => error instanceof SyncError && error.message === "It is full.");
  assert.deepEqual(rows(), []);
});

test("a removal is shown at once and undone when refused", async () => {
  peer.queue = [makeItem("a")];
  await start();
  refuse({ code: "FORBIDDEN", detail: "Not yours." });
  const removing = store.remove(peer.queue[0].id);
  assert.deepEqual(rows(), ["a (removing)"]);
  await assert.rejects(removing, /Not yours/);
  assert.deepEqual(rows(), ["a"]);
});

test("what failed is held for ten minutes by the server's clock, and goes when it is retried or removed", async () => {
  const problem = { code: "HTTP_404", detail: "Gone." };
  const fail = (title, minutes) => (
    { ...makeItem(title), state: "failed", ended_at: `2026-01-01T12:0${9 - minutes}:00Z`, error: problem }
  );
  const [old, young] = [fail("old", 9), fail("young", 1)];
  peer.failed = [old, young];
  peer.player = { ...idlePlayer(), position_at: "2026-01-01T12:09:00Z" };
  await start();
  const failed = () => store.failed.map(({ item, pending }) => item.track.title + (pending ? ` (${pending})` : ""));
  const newest = { ...makeItem("newest"), state: "failed", error: problem };
  peer.append("TrackFailed", { item: newest, player: peer.player });
  await until(() => failed().join() === "old,young,newest");
  assert.deepEqual(rows(), [], "they do not wait");
  now += 61_000;
  assert.deepEqual(failed(), ["young", "newest"]);
  refuse({ code: "FORBIDDEN", detail: "Not yours." });
  const retrying = store.retry(young.id);
  assert.deepEqual(failed(), ["young (retry)", "newest"]);
  await assert.rejects(retrying, /Not yours/);
  assert.deepEqual(failed(), ["young", "newest"]);
  peer.append("TrackRemoved", { item: young });
  peer.append("TrackRequeued", { item: newest, player: peer.player });
  await until(() => failed().length === 0);
  assert.deepEqual(rows(), ["newest"]);
});

test("a move is shown at once and undone when refused", async () => {
  peer.queue = [makeItem("a"), makeItem("b"), makeItem("c")];
  await start();
  refuse({ code: "FORBIDDEN", detail: "Not yours." });
  const [a, , c] = peer.queue;
  const moving = store.move(c.id, a.id);
  assert.deepEqual(rows(), ["a", "c", "b"]);
  assert.deepEqual(store.rows.map(({ moving: it }) => it), [false, true, false]);
  await assert.rejects(moving, /Not yours/);
  assert.deepEqual(rows(), ["a", "b", "c"]);
});

test("several removals and additions are shown at once and undone when refused", async () => {
  peer.queue = [makeItem("a"), makeItem("b"), makeItem("c")];
  await start();
  refuse({ code: "FORBIDDEN", detail: "Not yours." });
  const [a, , c] = peer.queue;
  const removing = store.removeAll([a.id, c.id]);
  assert.deepEqual(rows(), ["a (removing)", "b", "c (removing)"]);
  await assert.rejects(removing, /Not yours/);
  assert.deepEqual(rows(), ["a", "b", "c"]);
  const adding = store.addAll(["library:1", "library:2"]);
  assert.deepEqual(rows(), ["a", "b", "c", "library:1 (adding)", "library:2 (adding)"]);
  await assert.rejects(adding, /Not yours/);
  assert.deepEqual(rows(), ["a", "b", "c"]);
});

test("tracks added after an item are shown there, after the current track in front, after an unknown one at the end", async () => {
  peer.queue = [makeItem("a"), makeItem("b")];
  peer.player = playingPlayer();
  await start();
  const places = [
    [peer.queue[0].id, ["a", "library:1 (adding)", "library:2 (adding)", "b"]],
    [peer.player.item.id, ["library:1 (adding)", "library:2 (adding)", "a", "b"]],
    ["gone", ["a", "b", "library:1 (adding)", "library:2 (adding)"]],
  ];
  for (const [after, expected] of places) {
    refuse({ code: "FORBIDDEN", detail: "Not yours." });
    const adding = store.addAll(["library:1", "library:2"], { position: { after } });
    assert.deepEqual(rows(), expected);
    await assert.rejects(adding, /Not yours/);
  }
});

test("clearing one's own tracks shows which, and waits for the network", async () => {
  const theirs = { ...makeItem("b"), requested_by: { id: "u2", username: "other", display_name: "Other", avatar_url: null } };
  peer.queue = [makeItem("a"), theirs];
  await start();
  const back = await goOffline();
  const clearing = store.clearMine();
  await until(() => store.pendingCount === 1);
  assert.deepEqual(rows(), ["a (removing)", "b"]);
  back();
  await clearing;
  assert.deepEqual(pushes(), [["ClearQueue"]]);
});

/** A player with a current track of a minute, at a position. */
function playingPlayer(position_ms = 10_000) {
  return { ...idlePlayer(), status: "playing", item: makeItem("now"), position_ms };
}

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
    now += 2_000;
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
    now += 1_000;
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
    now += 1_000;
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

test("an undo is executed now and says what it did", async () => {
  await start();
  const result = { change: 3, undone: 2, left_out: [] };
  const bodies = [];
  peer.interceptHttp = ({ path, body }) => {
    if (path.endsWith("/undo")) return { status: 200, body: { undo: { seq: 3, sentence: "You cleared 2 tracks", at: "" }, redo: null } };
    if (path.endsWith("/commands")) bodies.push([body.name, body.args]);
    return path.endsWith("/commands") ? { status: 200, body: { seq: 5, result } } : null;
  };
  const { undo, redo } = await store.readUndo();
  assert.equal(redo, null);
  assert.deepEqual(await store.undo(undo), result);
  await store.undo();
  await store.redo(undo);
  assert.deepEqual(bodies, [["Undo", { seq: 3 }], ["Undo", { seq: null }], ["Redo", { seq: 3 }]]);
});

test("an undo made offline names its change, is kept, and is told about when it is refused", async () => {
  await start();
  const back = await goOffline();
  const change = { seq: 3, sentence: "You cleared 2 tracks", at: "" };
  await assert.rejects(store.undo(), NetworkError);
  store.undo(change).catch(() => {});
  await until(() => store.pendingCount === 1);
  assert.equal(store.isTurning(change), true);
  assert.equal(store.isTurning({ ...change, seq: 4 }), false);
  await client.close();
  open();
  refuse({ code: "NOTHING_TO_UNDO", detail: "This change was already undone." });
  await store.start();
  back();
  await until(() => refused.length === 1);
  assert.deepEqual(refused, ["You cleared 2 tracks: This change was already undone."]);
  assert.deepEqual(peer.frames.find(({ type }) => type === "push").events[0].args, { seq: 3 });
});

test("there is a method for every command", async () => {
  await start();
  const names = [];
  peer.interceptHttp = ({ path, body }) => {
    if (path.endsWith("/commands")) names.push(body.name);
    return path.endsWith("/commands") ? { status: 200, body: { seq: null, result: {} } } : null;
  };
  const item = makeItem("a");
  const now_ = [
    store.removeDuplicates(), store.removeAbsent(), store.clear(), store.shuffle(), store.skip(), store.skipTo(item.id), store.previous(),
    store.replay(), store.seek(1), store.setPaused(true), store.setPaused(false), store.stopPlayback(), store.setVolume(1), store.setLoop("off"),
    store.setVoiceChannel("4"), store.setVoiceChannel(null), store.changeSettings({ vote_share: 60 }), store.undo(), store.redo(),
  ];
  peer.intercept = (frame, socket) => {
    if (frame.type === "push") {
      names.push(...frame.events.map(({ name }) => name));
      socket.send({ type: "ack", id: frame.id, head: peer.head, seqNums: frame.events.map(() => peer.head) });
    }
    return frame.type === "push";
  };
  const later = [
    store.add("a"), store.addAll(["library:a"]), store.remove(item.id), store.removeAll([item.id]), store.retry(item.id), store.move(item.id, null),
    store.clearMine(),
  ];
  await Promise.all([...now_, ...later]);
  const declared = await readFile(new URL("../../clients/js/src/commands.d.ts", import.meta.url), "utf8");
  const commands = [...declared.matchAll(/^  (\w+): \{ args:/gm)].map(([, name]) => name);
  assert.ok(commands.length > 20);
  assert.deepEqual(commands.filter((name) => !names.includes(name)), []);
});

test("what failed and is shown again stays no longer than it would have", async () => {
  const problem = { code: "HTTP_404", detail: "Gone." };
  await start();
  const ended_at = new Date(Date.now() - 540_000).toISOString();
  peer.append("TrackFailed", { item: { ...makeItem("old"), state: "failed", ended_at, error: problem }, player: peer.player });
  await until(() => store.failed.length === 1);
  now += 61_000;
  assert.deepEqual(store.failed, []);
});

test("changes made offline are counted, shown, and made in order once there is a network", async () => {
  peer.queue = [makeItem("a")];
  await start();
  const back = await goOffline();
  const answers = [store.add("b"), store.remove(peer.queue[0].id), store.add("c")];
  await until(() => store.pendingCount === 3);
  assert.deepEqual(rows(), ["a (removing)", "b (waiting)", "c (waiting)"]);
  back();
  await Promise.all(answers);
  await until(() => rows().join() === "b,c");
  assert.deepEqual(pushes(), [["b", "RemoveItem", "c"]]);
});

test("changes of an earlier page are shown and made", async () => {
  await start();
  const back = await goOffline();
  store.add("b").catch(() => {});
  await until(() => store.pendingCount === 1);
  await client.close();
  open();
  await store.start();
  await until(() => store.pendingCount === 1);
  back();
  await until(() => store.rows && rows().join() === "b");
});

test("a change of an earlier page that is refused is told about", async () => {
  await start();
  const back = await goOffline();
  store.add("b").catch(() => {});
  await until(() => store.pendingCount === 1);
  await client.close();
  open();
  refuse({ code: "FORBIDDEN", detail: "Not today." });
  await store.start();
  back();
  await until(() => refused.length === 1);
  assert.deepEqual(refused, ["b: Not today."]);
  assert.deepEqual(await storage.load("u1"), []);
});

test("what is pushed is never sent as somebody else, and waits for its own", async () => {
  await start();
  const back = await goOffline();
  store.add("b").catch(() => {});
  await until(() => store.pendingCount === 1);
  peer.userId = "u2";
  back();
  await until(() => store.connection === "signed_out");
  assert.deepEqual(pushes(), []);
  peer.userId = "u1";
  client.signedIn();
  await until(() => rows().join() === "b");
});

test("a token of somebody else's is given to nobody", async () => {
  await start();
  peer.userId = "u2";
  client.tokens.discard(await client.tokens.get());
  await assert.rejects(client.tokens.get(), SignedOutError);
  await until(() => store.connection === "signed_out");
});

test("without a session the queue is kept", async () => {
  await start();
  const back = await goOffline();
  store.add("b").catch(() => {});
  peer.signedOut = true;
  peer.validTokens.clear();
  back();
  await until(() => store.connection === "signed_out");
  assert.equal(store.pendingCount, 1);
  assert.deepEqual((await storage.load("u1")).map(({ args }) => args.query), ["b"]);
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

test("removing what is already gone is no error", async () => {
  peer.queue = [makeItem("a")];
  await start();
  refuse({ code: "ITEM_NOT_FOUND", detail: "There is no such item." });
  await store.remove(peer.queue[0].id);
});

test("a start without a server ends in a connection once there is one", async () => {
  peer.interceptHttp = () => "cut";
  await store.start();
  assert.equal(store.rows, null);
  peer.interceptHttp = () => null;
  peer.queue = [makeItem("a")];
  await until(() => store.connection === "live", 6_000);
  assert.deepEqual(rows(), ["a"]);
});

/** A guild's queue with pending changes, and its commands. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { SyncError } from "../../clients/js/src/errors.js";
import { goOffline, pass, peer, playingPlayer, refuse, rows, start, store } from "./guild-scene.mjs";
import { idlePlayer, makeItem, until } from "./peer.mjs";

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
  pass(61_000);
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
    store.setVoiceChannel("4"), store.setVoiceChannel(null), store.changeSettings({ vote_share: 60 }), store.saveQueue("Friday"), store.addWhole("favorites:"), store.undo(), store.redo(),
  ];
  peer.intercept = (frame, socket) => {
    if (frame.type === "push") {
      names.push(...frame.events.map(({ name }) => name));
      socket.send({ type: "ack", id: frame.id, head: peer.head, seqNums: frame.events.map(() => peer.head) });
    }
    return frame.type === "push";
  };
  const later = [
    store.add("a"), store.addAll(["library:a"]), store.remove(item.id), store.removeAll([item.id]), store.retry(item.id), store.move(item.id, null), store.moveAll([item.id]),
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
  pass(61_000);
  assert.deepEqual(store.failed, []);
});

test("removing what is already gone is no error", async () => {
  peer.queue = [makeItem("a")];
  await start();
  refuse({ code: "ITEM_NOT_FOUND", detail: "There is no such item." });
  await store.remove(peer.queue[0].id);
});

/** Changes without a connection or a session, and those that an earlier page left. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { NetworkError, SignedOutError } from "../../clients/js/src/errors.js";
import { client, goOffline, open, peer, pushes, refuse, refused, rows, start, storage, store } from "./guild-scene.mjs";
import { makeItem, until } from "./peer.mjs";

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

test("a start without a server ends in a connection once there is one", async () => {
  peer.interceptHttp = () => "cut";
  await store.start();
  assert.equal(store.rows, null);
  peer.interceptHttp = () => null;
  peer.queue = [makeItem("a")];
  await until(() => store.connection === "live", 6_000);
  assert.deepEqual(rows(), ["a"]);
});

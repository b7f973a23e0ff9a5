import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Store, SyncError } from "../../clients/js/src/index.js";
import { Peer, makeClient, until } from "./peer.mjs";

let peer, client, store;

beforeEach(async () => {
  peer = await new Peer().listen();
  client = makeClient(peer);
  store = new Store({ client, instanceId: "app:list", initial: [], reduce: (list, { args }) => [...list, args.text] });
  store.start();
});
afterEach(async () => {
  await client.close();
  await peer.close();
});

const live = () => until(() => store.connection === "live");

test("it starts from the beginning of the log and follows it", async () => {
  peer.append("Added", { text: "a" });
  await live();
  peer.append("Added", { text: "b" });
  await until(() => store.state.join() === "a,b");
  assert.deepEqual(store.confirmed, ["a", "b"]);
});

test("what is pushed shows at once, and behind what others did first", async () => {
  await live();
  let release;
  peer.intercept = (frame, socket) => {
    if (frame.type !== "push") return false;
    peer.intercept = () => false;
    release = () => {
      peer.append("AddedDone", frame.events[0].args, frame.events[0].eventId);
      socket.send({ type: "ack", id: frame.id, head: peer.head, seqNums: [peer.head] });
    };
    return true;
  };
  const pushed = store.push("Added", { text: "mine" });
  assert.deepEqual(store.state, ["mine"]);
  assert.deepEqual(store.confirmed, []);
  peer.append("Added", { text: "theirs" });
  await until(() => store.state.length === 2);
  assert.deepEqual(store.state, ["theirs", "mine"]);
  release();
  await pushed;
  await until(() => store.confirmed.length === 2);
  assert.deepEqual(store.state, ["theirs", "mine"], "never twice");
});

test("an answer that comes before its event leaves no gap in what is shown", async () => {
  await live();
  const seen = [];
  peer.intercept = (frame, socket) => {
    if (frame.type !== "push") return false;
    socket.send({ type: "ack", id: frame.id, head: 1, seqNums: [1] });
    setTimeout(() => peer.append("AddedDone", frame.events[0].args, frame.events[0].eventId), 20);
    return true;
  };
  await store.push("Added", { text: "a" });
  seen.push(store.state.join());
  await until(() => {
    seen.push(store.state.join());
    return store.confirmed.length === 1;
  });
  assert.deepEqual([...new Set(seen)], ["a"]);
});

test("what is refused is rolled back", async () => {
  await live();
  peer.intercept = (frame, socket) => {
    if (frame.type === "push") socket.send({ type: "error", id: frame.id, code: "FORBIDDEN", detail: "No." });
    return frame.type === "push";
  };
  const pushed = store.push("Added", { text: "a" });
  assert.deepEqual(store.state, ["a"]);
  await assert.rejects(pushed, SyncError);
  assert.deepEqual(store.state, []);
});

test("what is too large to be sent is rolled back as well", async () => {
  await live();
  const pushed = store.push("Added", { text: "x".repeat(900_000) });
  assert.equal(store.state.length, 1);
  await assert.rejects(pushed, (error) => error instanceof SyncError && error.code === "TOO_LARGE");
  assert.deepEqual(store.state, []);
});

test("a log that was replaced is read from its beginning", async () => {
  peer.append("Added", { text: "a" });
  await live();
  await until(() => store.state.length === 1);
  peer.restore();
  peer.log = [];
  peer.append("Added", { text: "other" });
  peer.closeAll(1012);
  await until(() => store.state.join() === "other");
});

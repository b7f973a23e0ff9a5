import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { NetworkError, SyncError } from "../../clients/js/src/errors.js";
import { Outbox } from "../../clients/js/src/outbox.js";
import { MemoryStorage } from "../../clients/js/src/storage.js";
import { until } from "./peer.mjs";

let storage, sent, answer, refused, outbox;

beforeEach(() => {
  storage = new MemoryStorage();
  sent = [];
  refused = [];
  answer = async () => ({ head: 1, seqNums: [1] });
  outbox = make();
});

function make(changes = []) {
  return new Outbox({
    storage,
    changes,
    send: (events) => {
      sent.push(events.map(({ name }) => name).join(" "));
      return answer(events);
    },
    onRefused: (change) => refused.push(change.name),
  });
}

const change = (name, args = {}) => (
  { eventId: `id-${name}`, userId: "u1", instanceId: "app:x", name, args, note: { shown: name }, clientTimestamp: 0 }
);
const stored = async () => (await storage.load("u1")).map(({ name }) => name);

test("nothing is sent before there is a connection, then all in order", async () => {
  const acks = [outbox.add(change("a")), outbox.add(change("b"))];
  await until(() => outbox.changes.length === 2);
  assert.deepEqual(sent, []);
  assert.deepEqual(await stored(), ["a", "b"]);
  outbox.open();
  await Promise.all(acks);
  assert.deepEqual(sent, ["a b"]);
  assert.deepEqual(await stored(), []);
});

test("the server is sent no note, no user and no token", async () => {
  let events;
  answer = async (pushed) => {
    events = pushed;
    return { head: 1, seqNums: [1] };
  };
  outbox.open();
  await outbox.add(change("a"));
  assert.deepEqual(events, [{ eventId: "id-a", name: "a", args: {}, clientTimestamp: 0 }]);
});

test("what was on its way when the connection was lost is sent again, first", async () => {
  answer = async () => {
    throw new NetworkError("cut");
  };
  outbox.open();
  const ack = outbox.add(change("a"));
  await until(() => sent.length === 1);
  outbox.close();
  outbox.add(change("b"));
  answer = async () => ({ head: 2, seqNums: [1] });
  outbox.open();
  await ack;
  assert.deepEqual(sent, ["a", "a b"]);
});

test("a connection that comes back while a push fails is used at once", async () => {
  let fail;
  answer = () => new Promise((_, reject) => (fail = reject));
  outbox.open();
  const ack = outbox.add(change("a"));
  await until(() => fail);
  outbox.close();
  outbox.open();
  answer = async () => ({ head: 1, seqNums: [1] });
  fail(new NetworkError("cut"));
  await ack;
  assert.deepEqual(sent, ["a", "a"]);
});

test("one refused change does not take its batch along", async () => {
  answer = async (events) => {
    if (events.some(({ name }) => name === "b")) throw new SyncError({ code: "FORBIDDEN", detail: "No." });
    return { head: 1, seqNums: [1] };
  };
  const [a, b, c] = ["a", "b", "c"].map((name) => outbox.add(change(name)));
  outbox.open();
  await assert.rejects(b, /No/);
  await Promise.all([a, c]);
  assert.deepEqual(sent, ["a b c", "a", "b", "c"]);
  assert.deepEqual(await stored(), []);
});

test("a server in trouble is asked again, a few times", async () => {
  let failures = 0;
  answer = async () => {
    failures++;
    throw new SyncError({ code: "INTERNAL_ERROR", detail: "Oops.", retryAfterMs: 1 });
  };
  outbox.open();
  await assert.rejects(outbox.add(change("a")), /Oops/);
  assert.equal(failures, 5);
});

test("a limit is waited for, and forgotten with the connection", async () => {
  answer = async () => {
    answer = async () => ({ head: 1, seqNums: [1] });
    throw new SyncError({ code: "RATE_LIMITED", retryAfterMs: 1_000_000 });
  };
  outbox.open();
  const ack = outbox.add(change("a"));
  await until(() => sent.length === 1);
  outbox.close();
  outbox.open();
  await ack;
});

test("what an earlier page left is sent before what is new; its refusal is told", async () => {
  answer = async (events) => {
    if (events[0].name === "old") throw new SyncError({ code: "FORBIDDEN" });
    return { head: 1, seqNums: [1] };
  };
  outbox = make([change("old")]);
  const ack = outbox.add(change("new"));
  outbox.open();
  await ack;
  assert.deepEqual(sent, ["old new", "old", "new"]);
  assert.deepEqual(refused, ["old"]);
});

test("the same change handed in twice is sent once and answered twice", async () => {
  const acks = [outbox.add(change("a")), outbox.add(change("a"))];
  outbox.open();
  assert.equal((await Promise.all(acks)).length, 2);
  assert.deepEqual(sent, ["a"]);
});

test("batches keep to the server's limits", async () => {
  const acks = Array.from({ length: 120 }, (_, i) => outbox.add(change(`n${i}`)));
  const large = ["x", "y"].map((name) => outbox.add(change(name, { text: "€".repeat(250_000) })));
  outbox.open();
  await Promise.all([...acks, ...large]);
  assert.deepEqual(sent.map((names) => names.split(" ").length), [50, 50, 21, 1]);
  await assert.rejects(outbox.add(change("z", { text: "x".repeat(900_000) })), (error) => error.code === "TOO_LARGE");
});

test("without a place to store it a change is sent all the same", async (context) => {
  context.mock.method(console, "warn", () => {});
  storage.add = storage.remove = async () => {
    throw new Error("the disk is full");
  };
  outbox.open();
  await outbox.add(change("a"));
  assert.deepEqual(sent, ["a"]);
});

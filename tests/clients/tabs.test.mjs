/** Tabs that share one connection: their calls, errors, positions and reads. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { SyncError } from "../../clients/js/src/errors.js";
import { Host } from "../../clients/js/src/host.js";
import { Line } from "../../clients/js/src/line.js";
import { MemoryStorage } from "../../clients/js/src/storage.js";
import { Peer, obtain, until } from "./peer.mjs";

let peer;

beforeEach(async () => (peer = await new Peer().listen()));
afterEach(() => peer.close());

test("a call that the first peer never answered is made again to the next", async () => {
  const line = new Line({});
  const first = [];
  line.attach((message) => first.push(message));
  const answered = line.call("add", 1, 2);
  const next = new Line({ add: (a, b) => a + b });
  next.attach((message) => void line.receive(message));
  line.attach((message) => void next.receive(message));
  assert.equal(await answered, 3);
  assert.equal(first.length, 1);
});

test("an error keeps its class and its fields on the way to another tab", async () => {
  const here = new Line({});
  const there = new Line({
    refuse: () => {
      throw new SyncError({ code: "FORBIDDEN", detail: "No.", head: 7 });
    },
  });
  here.attach((message) => void there.receive(structuredClone(message)));
  there.attach((message) => void here.receive(structuredClone(message)));
  await assert.rejects(here.call("refuse"), (error) => (
    error instanceof SyncError && error.code === "FORBIDDEN" && error.message === "No." && error.head === 7
  ));
});

/** Open a tab on a host that other tabs share. */
function enter(host, { linkChanged = () => {}, arrived = () => {} } = {}) {
  const tab = new Line({
    obtain: obtain(peer),
    linkChanged,
    arrived,
    queueChanged: () => {},
  });
  const seat = host.accept((message) => void tab.receive(structuredClone(message)));
  tab.attach((message) => seat.receive(structuredClone(message)));
  tab.notify("hello", { url: peer.syncUrl, userId: "u1" });
  tab.notify("follow", "guild:1");
  return { tab, close: () => seat.close() };
}

test("a tab that comes later learns of events that came before it", async () => {
  const host = new Host({ storage: new MemoryStorage() });
  const heads = [];
  const hearing = {
    linkChanged: (_, { state, head }) => heads.push(`${state} ${head}`),
    arrived: (_, [{ seqNum }]) => heads.push(`event ${seqNum}`),
  };
  const first = enter(host, hearing);
  await until(() => heads.at(-1) === "live 0");
  peer.append("A");
  await until(() => heads.at(-1) === "event 1");
  const second = enter(host, hearing);
  assert.equal(heads.at(-1), "live 1");
  first.close();
  second.close();
});

test("tabs at one place read together, and a tab that is further on reads to where it is", async () => {
  peer.append("A");
  const host = new Host({ storage: new MemoryStorage() });
  let state = "";
  const first = enter(host, { linkChanged: (_, link) => (state = link.state) });
  await until(() => state === "live");
  const held = [];
  peer.intercept = ({ type, live: isLive, id }, socket) => {
    if (type !== "pull" || isLive) return false;
    held.push({ socket, id, events: peer.log.slice() }); // a slow response with the log as it is now
    return true;
  };
  const read = ({ tab }, seq) => tab.call("read", "guild:1", 0, { epoch: peer.epoch, seq });
  const second = enter(host);
  const reads = [read(first, 1), read(second, 1)];
  await until(() => held.length === 1);
  peer.append("B"); // the next tab's snapshot has it
  const third = enter(host);
  reads.push(read(third, 2));
  await until(() => held.length === 2);
  for (const { socket, id, events } of held) {
    socket.send({ type: "events", id, events, remaining: 0 });
    socket.send({ type: "end", id });
  }
  assert.deepEqual((await Promise.all(reads)).map((events) => events.length), [1, 1, 2]);
  for (const tab of [first, second, third]) tab.close();
});

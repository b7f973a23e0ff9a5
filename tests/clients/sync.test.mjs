/** `/sync`: a log is followed through lost connections, gaps, replaced logs and expired tokens. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { SyncError } from "../../clients/js/src/errors.js";
import { EventLog } from "../../clients/js/src/log.js";
import { Peer, makeClient, until } from "./peer.mjs";

let peer, client, sync, seen, states, snapshots;

beforeEach(async () => {
  peer = await new Peer().listen();
  seen = [];
  states = [];
  snapshots = 0;
});
afterEach(async () => {
  await client.close();
  await peer.close();
});

function connect({ onState = () => {}, ...timing } = {}) {
  client = makeClient(peer, { timing });
  sync = new EventLog({
    client,
    instanceId: "guild:1",
    takeSnapshot: async () => {
      snapshots++;
      return { epoch: peer.epoch, seq: peer.head };
    },
    onEvents: (events) => seen.push(...events.map(({ seqNum }) => seqNum)),
    onState: (state, problem) => {
      states.push(problem ? `${state} ${problem.code}` : state);
      onState(state);
    },
  });
  sync.start({ epoch: peer.epoch, seq: 0 });
}

const live = () => until(() => sync.state === "live");
const received = (type) => peer.frames.filter((frame) => frame.type === type);

test("it catches up, then follows live", async () => {
  peer.append("A");
  peer.append("B");
  connect();
  await live();
  assert.deepEqual(seen, [1, 2]);
  peer.append("C");
  await until(() => seen.length === 3);
  assert.deepEqual(states, ["connecting", "live"]);
  assert.deepEqual(sync.cursor, { epoch: "epoch-1", seq: 3 });
});

for (const code of [1001, 1012, 4408, 4429, 4490]) {
  test(`after close ${code} it resumes from its cursor and misses nothing`, async () => {
    connect();
    await live();
    peer.append("A");
    await until(() => seen.length === 1);
    peer.closeAll(code);
    await until(() => sync.state === "waiting");
    peer.append("B");
    await live();
    assert.deepEqual(seen, [1, 2]);
    assert.deepEqual(received("pull").filter((pull) => !pull.live).map(({ cursor }) => cursor), [1]);
    assert.equal(snapshots, 0);
  });
}

test("a cut connection is resumed as well", async () => {
  connect();
  await live();
  for (const socket of peer.sockets) socket.raw.destroy();
  await until(() => sync.state === "waiting");
  peer.append("A");
  await until(() => seen.length === 1);
});

test("a connection that has gone silent is given up and replaced", async () => {
  connect({ pingEveryMs: 30, patienceMs: 60 });
  await live();
  peer.intercept = ({ type }) => type === "ping";
  await until(() => sync.state === "waiting");
  peer.intercept = () => false;
  peer.append("A");
  await until(() => seen.length === 1);
});

test("an idle connection is kept with pings", async () => {
  connect({ pingEveryMs: 20, patienceMs: 1_000 });
  await live();
  await until(() => received("ping").length >= 3);
  assert.equal(received("init").length, 1);
});

test("waiting grows with every failure, spread over the whole of it", async () => {
  const asked = [];
  peer.refuseInits = [1012, 1012, 1012, 1012];
  const starts = [];
  connect({ random: () => { asked.push(performance.now()); return 0.05; }, onState: (state) => state === "connecting" && starts.push(performance.now()) });
  await live();
  const waits = asked.map((at, i) => starts[i + 1] - at);
  // 5 % of 0.5, 1, 2 and 4 s; timers are late, never early (by more than rounding).
  [25, 50, 100, 200].forEach((least, i) => assert.ok(waits[i] >= least - 2, `wait ${i} was ${waits[i]} ms`));
});

test("waking tries at once", async () => {
  peer.refuseInits = [1012];
  connect({ random: () => 1_000 });
  await until(() => sync.state === "waiting");
  client.wake();
  await live();
});

test("a gap is filled from the cursor", async () => {
  connect();
  await live();
  peer.loseOnce.add(1);
  peer.append("A");
  peer.append("B");
  await until(() => seen.length === 2);
  assert.deepEqual(seen, [1, 2]);
  assert.equal(snapshots, 0);
});

test("a gap that stays is answered with a new snapshot", async () => {
  connect();
  await live();
  peer.append("A");
  await until(() => seen.length === 1);
  peer.log[2] = { ...peer.log[0], seqNum: 3, parentSeqNum: 2 };
  peer.log[1] = { ...peer.log[0], seqNum: 2.5, parentSeqNum: 2 };
  peer.append("D");
  await until(() => snapshots === 1 && sync.state === "live");
  peer.append("E");
  await until(() => seen.at(-1) === 5);
});

test("an event delivered twice is seen once", async () => {
  connect();
  await live();
  peer.append("A");
  await until(() => seen.length === 1);
  const [socket] = peer.sockets;
  socket.send({ type: "events", id: socket.pull.id, events: peer.log, remaining: 0 });
  peer.append("B");
  await until(() => seen.length === 2);
  assert.deepEqual(seen, [1, 2]);
});

test("a log that was restored is followed from a new snapshot", async () => {
  peer.append("A");
  connect();
  await live();
  peer.restore();
  peer.closeAll(1012);
  await until(() => snapshots === 1);
  await live();
  assert.equal(sync.cursor.epoch, "epoch-1+");
  peer.append("B");
  await until(() => seen.at(-1) === 2);
});

test("a cursor older than the log is replaced by a new snapshot", async () => {
  peer.append("A");
  peer.append("B");
  peer.pruned = 1;
  connect();
  await live();
  assert.equal(snapshots, 1);
  assert.deepEqual(seen, []);
  assert.equal(sync.cursor.seq, 2);
});

test("a server that knows less than the cursor is not believed to be level", async () => {
  connect();
  await live();
  peer.append("A");
  await until(() => seen.length === 1);
  peer.log.pop();
  peer.closeAll(1012);
  await until(() => snapshots === 1 && sync.state === "live");
  assert.equal(sync.cursor.seq, 0);
});

test("4401 is answered with a fresh token", async () => {
  connect();
  await live();
  const [{ authToken: old }] = received("init");
  peer.validTokens.delete(old);
  peer.closeAll(4401);
  await until(() => received("init").length === 2);
  await live();
  assert.notEqual(received("init")[1].authToken, old);
});

test("being refused with 4401 again and again does not spin", async () => {
  peer.refuseInits = Array(20).fill(4401);
  connect({ random: () => 0.1 });
  // The first is answered at once, the next only after 0.1 of 0.5, 1 and 2 s.
  const start = performance.now();
  await until(() => received("init").length === 5);
  assert.ok(performance.now() - start >= 340);
});

test("without a session it stops and says so", async () => {
  connect();
  await live();
  peer.signedOut = true;
  peer.closeAll(4401);
  await until(() => sync.state === "signed_out");
  assert.equal(states.at(-1), "signed_out AUTH_REQUIRED");
});

test("a refused upgrade, which browsers cannot read, is found out through the token", async () => {
  connect();
  await live();
  peer.signedOut = true;
  peer.refuseUpgrades = true;
  peer.closeAll(1012);
  await until(() => sync.state === "signed_out");
});

test("4403 is final for a new token too, with the server's own reason", async () => {
  peer.refuseInits = [4403, 4403];
  connect();
  await until(() => sync.state === "refused");
  assert.equal(states.at(-1), "refused FORBIDDEN");
  client.wake();
  await client.tokens.get();
  assert.equal(sync.state, "refused");
});

test("4404 is final", async () => {
  connect();
  await live();
  peer.closeAll(4404);
  await until(() => sync.state === "refused");
  assert.equal(states.at(-1), "refused CLOSED_4404");
});

test("a token about to expire is renewed on the open connection", async () => {
  connect();
  await live();
  const [{ authToken: old }] = received("init");
  const [socket] = peer.sockets;
  socket.send({ type: "error", code: "TOKEN_EXPIRING", detail: "Soon." });
  await until(() => received("auth").length === 1);
  assert.notEqual(received("auth")[0].authToken, old);
  assert.ok(peer.validTokens.has(received("auth")[0].authToken));
  assert.equal(sync.state, "live");
});

test("a token that cannot be renewed for now costs a live connection nothing", async () => {
  connect();
  await live();
  peer.interceptHttp = ({ path }) => (path === "/api/auth/token" ? { status: 503, body: { code: "UNAVAILABLE", detail: "Later." } } : null);
  const [socket] = peer.sockets;
  socket.send({ type: "error", code: "TOKEN_EXPIRING", detail: "Soon." });
  await until(() => peer.requests.filter(({ path }) => path === "/api/auth/token").length === 2);
  peer.append("A");
  await until(() => seen.length === 1);
  assert.deepEqual(states, ["connecting", "live"]);
});

test("a push is acknowledged", async () => {
  connect();
  await live();
  assert.deepEqual(await sync.push("Skip"), { head: 1, seqNums: [1] });
  const [{ events: [event] }] = received("push");
  assert.equal(event.name, "Skip");
  assert.deepEqual(event.args, {});
});

test("a push cut off before its answer is sent again and happens once", async () => {
  connect();
  await live();
  peer.intercept = (frame, socket) => {
    if (frame.type !== "push") return false;
    peer.intercept = () => false;
    // The request arrives, but the response does not.
    peer.append("SkipDone");
    peer.acks.set(frame.events[0].eventId, peer.head);
    socket.raw.destroy();
    return true;
  };
  assert.deepEqual(await sync.push("Skip"), { head: 1, seqNums: [1] });
  assert.equal(peer.log.length, 1);
  const [first, second] = received("push");
  assert.equal(first.events[0].eventId, second.events[0].eventId);
});

test("a push made while offline is sent on return", async () => {
  peer.refuseInits = [1012];
  connect();
  await until(() => sync.state === "waiting");
  assert.equal((await sync.push("Pause")).head, 1);
});

test("a refused push is rejected with its code", async () => {
  connect();
  await live();
  peer.intercept = (frame, socket) => {
    if (frame.type !== "push") return false;
    socket.send({ type: "error", id: frame.id, code: "FORBIDDEN", detail: "Not yours." });
    return true;
  };
  await assert.rejects(sync.push("Skip"), (error) => error instanceof SyncError && error.code === "FORBIDDEN" && error.message === "Not yours.");
});

test("a push refused for its expired token goes through after renewal", async () => {
  connect();
  await live();
  peer.intercept = (frame, socket) => {
    if (frame.type !== "push") return false;
    peer.intercept = () => false;
    socket.send({ type: "error", id: frame.id, code: "TOKEN_EXPIRED", detail: "In grace." });
    return true;
  };
  assert.equal((await sync.push("Skip")).head, 1);
  assert.equal(received("auth").length, 1);
});

test("the past can be read beside the live pull", async () => {
  peer.append("A");
  peer.append("B");
  connect();
  await live();
  assert.deepEqual((await sync.read(1)).map(({ seqNum }) => seqNum), [2]);
  assert.deepEqual(seen, [1, 2]);
});

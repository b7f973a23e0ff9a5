import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { NetworkError } from "../../clients/js/src/errors.js";
import { GuildStore } from "../../clients/js/src/guild.js";
import { applyToQueue, withPage } from "../../clients/js/src/queue.js";
import { MemoryStorage } from "../../clients/js/src/storage.js";
import { Peer, makeClient, makeItem, until } from "./peer.mjs";

const ranked = (title, rank) => ({ ...makeItem(title), rank });
const titles = ({ queue }) => queue.map(({ track }) => track.title).join("");
const event = (name, args, seqNum = 1) => ({ name, args, seqNum });

test("an item stands where its rank says", () => {
  const [a, b, c] = [ranked("a", 10), ranked("b", 20), ranked("c", 30)];
  const state = { queue: [a, c], queue_total: 2, next: null };
  assert.equal(titles(applyToQueue(state, event("TrackAdded", { item: b, after: a.id, queue_total: 3 }))), "abc");
  const moved = event("TrackMoved", { item: { ...c, rank: 5 }, after: null, queue_total: 2 });
  assert.equal(titles(applyToQueue(state, moved)), "ca");
  assert.equal(titles(state), "ac", "the state before is left as it was");
});

test("what stands behind the part that is held is counted and not kept", () => {
  const [a, b, c] = [ranked("a", 10), ranked("b", 20), ranked("c", 30)];
  const state = { queue: [a, b], queue_total: 9, next: "20" };
  const added = applyToQueue(state, event("TrackAdded", { item: c, after: "x", queue_total: 10 }));
  assert.deepEqual([titles(added), added.queue_total, added.next], ["ab", 10, "20"]);
  const moved = applyToQueue(state, event("TrackMoved", { item: { ...a, rank: 25 }, after: "x", queue_total: 9 }));
  assert.equal(titles(moved), "b");
});

test("once all that wait are held, the part is the whole", () => {
  const state = { queue: [ranked("a", 10)], queue_total: 2, next: "10" };
  const after = applyToQueue(state, event("TrackRemoved", { item: ranked("z", 90), queue_total: 1 }));
  assert.deepEqual([titles(after), after.next], ["a", null]);
});

test("new ranks move the end of the part along", () => {
  const [a, b] = [ranked("a", 1), ranked("b", 2)];
  const state = { queue: [a, b], queue_total: 4, next: "2" };
  const after = applyToQueue(state, event("QueueRenumbered", { ranks: [[b.id, 100], ["c", 200]], queue_total: 4 }));
  assert.deepEqual(after.queue.map(({ rank }) => rank), [1, 100]);
  assert.equal(after.next, "100");
});

test("tracks that come and go together are put where their ranks say, and dropped", () => {
  const [a, b, c, d] = [ranked("a", 10), ranked("b", 20), ranked("c", 30), ranked("d", 40)];
  const state = { queue: [b, d], queue_total: 9, next: "40" };
  const items = [a, c, ranked("z", 90)];
  const added = applyToQueue(state, event("TracksAdded", { items, queue_total: 12 }));
  assert.deepEqual([titles(added), added.queue_total, added.next], ["abcd", 12, "40"]);
  for (const name of ["TracksRemoved", "TracksSkipped"]) {
    const left = applyToQueue(added, event(name, { item_ids: [a.id, d.id, "unknown"], queue_total: 9 }));
    assert.deepEqual([titles(left), left.queue_total, left.next], ["bc", 9, "40"]);
  }
});

test("a shuffle sorts the whole queue", () => {
  const [a, b, c] = [ranked("a", 1), ranked("b", 2), ranked("c", 3)];
  const state = { queue: [a, b, c], queue_total: 3, next: null };
  const after = applyToQueue(state, event("QueueShuffled", { ranks: [[c.id, 1], [a.id, 2], [b.id, 3]], queue_total: 3 }));
  assert.deepEqual([titles(after), after.next], ["cab", null]);
  assert.equal(titles(state), "abc", "the state before is left as it was");
});

test("a shuffle ends the part that is held before the first item that is not", () => {
  const [a, b, c] = [ranked("a", 10), ranked("b", 20), ranked("c", 30)];
  const state = { queue: [a, b, c], queue_total: 5, next: "30" };
  const parts = [[[c.id, 10], ["x", 20], [a.id, 30]], [["y", 40], [b.id, 50]]];
  const after = parts.map((ranks) => event("QueueShuffled", { ranks, queue_total: 5 })).reduce(applyToQueue, state);
  assert.deepEqual([titles(after), after.queue_total, after.next], ["c", 5, "19"]);
  const none = applyToQueue(state, event("QueueShuffled", { ranks: [["x", 10], [a.id, 20], [b.id, 30], [c.id, 40], ["y", 50]], queue_total: 5 }));
  assert.deepEqual([titles(none), none.next], ["", "9"]);
});

test("events of before there were ranks say what an item follows", () => {
  const [a, b] = [makeItem("a"), makeItem("b")];
  const state = { queue: [a, b] };
  assert.equal(titles(applyToQueue(state, event("TrackAdded", { item: makeItem("x"), after: a.id }))), "axb");
});

test("a page that is older than the rows takes what has happened since", () => {
  const [a, b, c, d] = [ranked("a", 1), ranked("b", 2), ranked("c", 3), ranked("d", 4)];
  const state = { queue: [a, { ...d, rank: 0 }], queue_total: 3, next: "1" };
  const page = { epoch: "e", seq: 4, items: [b, c, d], queue_total: 4, next: null };
  const since = [
    event("TrackRemoved", { item: b, queue_total: 3 }, 5),
    event("TrackMoved", { item: { ...d, rank: 0 }, after: null, queue_total: 3 }, 6),
  ];
  const after = withPage(state, page, since);
  assert.deepEqual([titles(after), after.queue_total, after.next], ["dac", 3, null]);
});

// --- The store ---

const COUNT = 450;
let peer, client, store, whole;

beforeEach(async () => {
  peer = await new Peer().listen();
  whole = Array.from({ length: COUNT }, (_, at) => ranked(`t${at}`, at * 10));
  peer.interceptHttp = ({ path }) => answer(path);
  client = makeClient(peer, { userId: "u1", storage: new MemoryStorage() });
  store = new GuildStore({ client, guildId: "1", onState: (connection) => (store.connection = connection) });
});
afterEach(async () => {
  await client.close();
  await peer.close();
});

const place = () => ({ epoch: peer.epoch, seq: peer.head, queue_total: whole.length });

/** Return the server's pages of the current queue; null means the peer's default response. */
function answer(path) {
  if (path === "/api/guilds/1/snapshot") {
    const { guild, player } = peer;
    const next = whole.length > 200 ? String(whole[199].rank) : null;
    return { status: 200, body: { ...place(), guild, player, queue: whole.slice(0, 200), next, failed: [], voice_channels: [], skip_vote: null, can: {} } };
  }
  const after = /\/queue\?after=(-?\d+)$/.exec(path)?.[1];
  if (after === undefined) return null;
  const rest = whole.filter(({ rank }) => rank > Number(after));
  const items = rest.slice(0, 100);
  return { status: 200, body: { ...place(), items, next: rest.length > 100 ? String(items[99].rank) : null } };
}

async function start() {
  await store.start();
  await until(() => store.connection === "live");
}

function remove(title) {
  const item = whole.find(({ track }) => track.title === title);
  whole = whole.filter((other) => other !== item);
  peer.append("TrackRemoved", { item, queue_total: whole.length });
}

const shown = () => store.rows.map(({ item }) => item.track.title);
const expected = (count) => whole.slice(0, count).map(({ track }) => track.title);

test("a long queue is shown in part, with its length, and read on as asked", async () => {
  await start();
  assert.deepEqual(shown(), expected(200));
  assert.deepEqual([store.queueTotal, store.hasMore], [COUNT, true]);
  for (const count of [300, 400, COUNT]) {
    await store.loadMore();
    assert.deepEqual(shown(), expected(count));
  }
  assert.equal(store.hasMore, false);
  await store.loadMore();
  assert.equal(peer.requests.filter(({ path }) => path.includes("/queue?")).length, 3);
});

test("asking twice at once reads once", async () => {
  await start();
  await Promise.all([store.loadMore(), store.loadMore()]);
  assert.deepEqual(shown(), expected(300));
  assert.equal(peer.requests.filter(({ path }) => path.includes("/queue?")).length, 1);
});

test("what happens while a page is read is in the rows, whichever comes first", async () => {
  await start();
  peer.interceptHttp = async ({ path }) => {
    const page = answer(path);
    if (page?.body.items) { // the page is older than the rows when it arrives
      remove("t250");
      remove("t3");
      await until(() => store.queueTotal === COUNT - 2);
    }
    return page;
  };
  await store.loadMore();
  assert.deepEqual(shown(), expected(298));

  peer.interceptHttp = ({ path }) => {
    if (path.includes("/queue?")) { // the page is newer: its events have not arrived yet
      const deliver = peer.append;
      const late = [];
      peer.append = (...args) => late.push(args);
      remove("t310");
      peer.append = deliver;
      const page = answer(path);
      page.body.seq += 1;
      setTimeout(() => late.forEach((args) => peer.append(...args)), 20);
      return page;
    }
    return answer(path);
  };
  await store.loadMore();
  await until(() => store.rows.length > 300);
  assert.deepEqual(shown(), expected(398));
});

test("where ranks change while a page is read, it is asked for again", async () => {
  await start();
  let first = true;
  peer.interceptHttp = async ({ path }) => {
    const page = answer(path);
    if (first && page?.body.items) {
      first = false;
      const ranks = whole.slice(150, 250).map((item, at) => (item.rank = 1495 + at * 2, [item.id, item.rank]));
      peer.append("QueueRenumbered", { ranks, queue_total: COUNT });
      await until(() => store.rows[199].item.rank === 1593);
    }
    return page;
  };
  await store.loadMore();
  assert.deepEqual(shown(), expected(200));
  await store.loadMore();
  assert.deepEqual(shown(), expected(300));
});

/** Put the queue in another order, in events of 200 items. */
function shuffle(order) {
  const ranks = whole.map(({ rank }) => rank);
  whole = order.map((at, place) => ({ ...whole[at], rank: ranks[place] }));
  const pairs = whole.map(({ id, rank }) => [id, rank]);
  for (let at = 0; at < pairs.length; at += 200) peer.append("QueueShuffled", { ranks: pairs.slice(at, at + 200), queue_total: whole.length });
}

const reversed = () => whole.map((_, at) => whole.length - 1 - at);

test("after a shuffle the front of the queue is read again", async () => {
  await start();
  shuffle(reversed());
  await until(() => shown()[0] === `t${COUNT - 1}` && shown().length >= 100);
  assert.deepEqual(shown(), expected(shown().length));
  assert.deepEqual([store.queueTotal, store.hasMore], [COUNT, true]);
});

test("a shuffle while a page is read has it read again", async () => {
  await start();
  let first = true;
  peer.interceptHttp = async ({ path }) => {
    const page = answer(path);
    if (first && page?.body.items) {
      first = false;
      shuffle(reversed());
      await until(() => shown().length < 100);
    }
    return page;
  };
  await store.loadMore();
  await until(() => shown().length >= 100);
  assert.deepEqual(shown(), expected(shown().length));
});

test("rows that play are followed by others before they are missed", async () => {
  await start();
  while (whole.length > COUNT - 105) {
    const item = whole.shift();
    peer.append("TrackStarted", { item, queue_total: whole.length, player: peer.player });
  }
  await until(() => store.queueTotal === whole.length && store.rows.length > 150);
  assert.deepEqual(shown(), expected(store.rows.length));
});

test("a page that cannot be read is said, and can be asked for again", async () => {
  await start();
  peer.interceptHttp = ({ path }) => (path.includes("/queue?") ? "cut" : answer(path));
  await assert.rejects(store.loadMore(), NetworkError);
  peer.interceptHttp = ({ path }) => answer(path);
  await store.loadMore();
  assert.deepEqual(shown(), expected(300));
});

/** What each event changes in a guild's state. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { applyEvent } from "../../clients/js/src/guild-events.js";
import { idlePlayer, makeItem } from "./peer.mjs";

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

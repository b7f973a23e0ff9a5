/** Reads `[{after, events, snapshot}]` from standard input. Each old snapshot plus its events must be the new one. */

import assert from "node:assert/strict";
import { text } from "node:stream/consumers";

import { applyEvent } from "../../clients/js/src/guild-events.js";

const steps = JSON.parse(await text(process.stdin));
let state = steps.shift().snapshot;
for (const { act, events, snapshot } of steps) {
  const replayed = events.reduce(applyEvent, state);
  assert.deepEqual(settle(replayed), settle(snapshot), `after: ${act}`);
  state = snapshot;
}

/** Ignore what grows with time, and the position in the log, because no event changes them. */
function settle({ guild, voice_channels, queue, queue_total, next, failed, player, skip_vote }) {
  const { position_ms, position_at, ...rest } = player;
  const at = player.status === "playing" ? null : position_ms;
  return { guild, voice_channels, queue, queue_total, next, failed, player: { ...rest, at }, skip_vote };
}

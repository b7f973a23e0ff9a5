/**
 * Reads `{state, steps: [{act, events, ids}]}` from standard input. After each step, the loaded part of the queue must
 * be the front of the whole queue, up to `next`.
 */

import assert from "node:assert/strict";
import { text } from "node:stream/consumers";

import { applyToQueue } from "../../clients/js/src/queue.js";

const { state: start, steps } = JSON.parse(await text(process.stdin));
let state = start;
let parts = 0;
for (const { act, events, ids } of steps) {
  state = events.reduce(applyToQueue, state);
  const held = state.queue.map(({ id }) => id);
  assert.deepEqual(held, ids.slice(0, held.length), `after: ${act}`);
  assert.equal(state.queue_total, ids.length, `after: ${act}`);
  assert.equal(state.next === null, held.length === ids.length, `after: ${act}`);
  if (state.next !== null) parts += 1;
}
console.log(parts);

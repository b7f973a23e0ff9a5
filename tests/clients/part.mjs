/**
 * Reads `{state, steps: [{act, events, queue}]}` from standard input. After each step, the loaded part of the queue must
 * be the front of the whole queue, up to `next`. When little is left of it, the next page is read.
 */

import assert from "node:assert/strict";
import { text } from "node:stream/consumers";

import { applyToQueue, withPage } from "../../clients/js/src/queue.js";

const FEW = 10;
const PAGE = 15;

const { state: start, steps } = JSON.parse(await text(process.stdin));
const ids = (queue) => queue.map(({ id }) => id);
let state = start;
let parts = 0;
let pages = 0;
for (const { act, events, queue } of steps) {
  state = events.reduce(applyToQueue, state);
  check(queue, act);
  if (state.next === null) continue;
  parts += 1;
  while (state.next !== null && state.queue.length < FEW) {
    const rest = queue.filter(({ rank }) => rank > Number(state.next));
    const items = rest.slice(0, PAGE);
    const next = rest.length > PAGE ? String(items.at(-1).rank) : null;
    state = withPage(state, { items, next, queue_total: queue.length }, []);
    pages += 1;
    check(queue, `${act}, then a page`);
  }
}
console.log(parts, pages);

function check(queue, act) {
  assert.deepEqual(ids(state.queue), ids(queue).slice(0, state.queue.length), `after: ${act}`);
  assert.equal(state.queue_total, queue.length, `after: ${act}`);
  assert.equal(state.next === null, state.queue.length === queue.length, `after: ${act}`);
}

import assert from "node:assert/strict";
import { test } from "node:test";

import { failedRows, queueRows } from "../../clients/js/src/rows.js";
import { makeItem } from "./peer.mjs";

const items = ["a", "b", "c", "d"].map(makeItem);
const [a, b, c, d] = items;
const ids = (...chosen) => chosen.map(({ id }) => id);
const shown = (name, args) => queueRows(items, [{ name, args, note: {} }], { live: true });
const titles = (rows) => rows.map(({ item }) => item.track.title).join("");

test("several rows move together, in their order, before the server has answered", () => {
  const moved = (args) => titles(shown("MoveItems", args));
  assert.equal(moved({ item_ids: ids(d, b), after: null }), "bdac");
  assert.equal(moved({ item_ids: ids(a, b), after: c.id }), "cabd");
  assert.equal(moved({ item_ids: ids(b, a), after: undefined }), "cdab");
  assert.equal(moved({ item_ids: ids(a), after: "gone" }), "abcd", "as it was, until the server says so");
  assert.deepEqual(shown("MoveItems", { item_ids: ids(a, b) }).map(({ moving }) => moving), [false, false, true, true]);
});

test("a clearing dims all rows, and those of one person only theirs", () => {
  const people = [{ id: "1" }, { id: "2" }, null, { id: "1" }];
  const queue = items.map((item, place) => ({ ...item, requested_by: people[place] }));
  const removing = (whose) => queueRows(queue, [{ name: "ClearQueue", args: { whose }, note: {} }], { live: true, userId: "2" })
    .map(({ removing: gone }) => gone);
  assert.deepEqual(removing("all"), [true, true, true, true]);
  assert.deepEqual(removing("1"), [true, false, false, true]);
  assert.deepEqual(removing("mine"), [false, true, false, false]);
  const failed = (whose) => failedRows([a], [{ name: "ClearQueue", args: { whose } }])[0].pending;
  assert.deepEqual([failed("all"), failed("mine")], ["removal", null]);
});

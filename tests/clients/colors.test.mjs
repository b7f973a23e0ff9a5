import assert from "node:assert/strict";
import { test } from "node:test";

import { colorOf } from "../../static/backline/js/dom.js";

test("people have the colors that the server's pages give them", () => {
  // As in tests/config/test_names.py.
  assert.deepEqual(["1", "9", "8", "nobody"].map(colorOf), ["p2", "p2", "p1", "p1"]);
  const snowflakes = Array.from({ length: 8 }, (_, made) => String(BigInt(1_000_000 + made) << 22n));
  assert.equal(new Set(snowflakes.map(colorOf)).size, 8);
});

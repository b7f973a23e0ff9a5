import assert from "node:assert/strict";
import { test } from "node:test";

import { gettext, interpolate, interpolateNodes, ngettext } from "../../static/backline/js/i18n.js";

test("without a catalog the English text is shown", () => {
  assert.equal(gettext("Resume"), "Resume");
  assert.deepEqual([0, 1, 2].map((count) => ngettext("%(count)s vote", "%(count)s votes", count)), [
    "%(count)s votes", "%(count)s vote", "%(count)s votes",
  ]);
});

test("placeholders are filled in by name, wherever they are", () => {
  assert.equal(interpolate("%(to)s after %(from)s, 100%", { from: 1, to: "%(from)s" }), "%(from)s after 1, 100%");
  const name = { nodeName: "BDI" };
  assert.deepEqual(interpolateNodes("Added by %(name)s", { name }), ["Added by ", name, ""]);
});

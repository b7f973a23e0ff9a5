/** Two clients write to one log of a real server, over a network that the test cuts. They must converge. */

import assert from "node:assert/strict";

import { Client, Store } from "../../clients/js/src/index.js";
import { until } from "./peer.mjs";

const { BASE_URL, ACCESS_TOKEN } = process.env;
const EACH = 60;

const stores = ["a", "b"].map(() => {
  const client = new Client({
    baseUrl: BASE_URL,
    obtain: async () => ({ access: ACCESS_TOKEN }),
    timing: { random: () => 0.1 },
  });
  const reduce = (list, { args }) => [...list, args.text];
  const store = new Store({ client, instanceId: "app:converge", initial: [], reduce });
  store.start();
  return { client, store };
});

const pushes = [];
for (let i = 0; i < EACH; i++) {
  stores.forEach(({ store }, who) => pushes.push(store.push("Added", { text: `${who} ${i} ü €` })));
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (i === EACH / 2) process.stdout.write("half\n");
}
await Promise.all(pushes);
const [a, b] = stores.map(({ store }) => store);
await until(() => a.confirmed.length >= 2 * EACH && b.confirmed.length >= 2 * EACH, 15_000);
assert.deepEqual(a.confirmed, b.confirmed);
assert.equal(new Set(a.confirmed).size, 2 * EACH);
assert.deepEqual(a.pending, []);
for (const who of [0, 1]) {
  const own = a.confirmed.filter((text) => text.startsWith(`${who} `)).map((text) => Number(text.split(" ")[1]));
  assert.deepEqual(own, [...own].sort((x, y) => x - y), "in the order in which they were made");
}
await Promise.all(stores.map(({ client }) => client.close()));

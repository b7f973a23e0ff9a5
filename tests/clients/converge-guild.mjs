/**
 * Two people change one long queue of a real server at once, over a network that the test cuts. What each holds of it
 * must be the front of what the server has, and the player the same.
 */

import assert from "node:assert/strict";

import { Client, GuildStore } from "../../clients/js/src/index.js";
import { until } from "./peer.mjs";

const { BASE_URL, ACCESS_TOKENS, USER_IDS, GUILD_ID, URI } = process.env;
const ACTS = 60;
const userIds = USER_IDS.split(" ");

let seed = 7;
/** A number from 0 to below `most`, the same in each run. */
function random(most) {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((seed / 2_147_483_648) * most);
}

const stores = ACCESS_TOKENS.split(" ").map((access, who) => {
  const client = new Client({ baseUrl: BASE_URL, userId: userIds[who], obtain: async () => ({ access }), timing: { random: () => 0.1 } });
  return { client, store: new GuildStore({ client, guildId: GUILD_ID }) };
});
await Promise.all(stores.map(({ store }) => store.start()));
await until(() => stores.every(({ store }) => store.isLive), 10_000);

const refusals = new Map();
const pending = [];
let parts = 0;

/** Run one random command. What is gone meanwhile, or cannot be sent, is refused. Late jumps may skip most of the queue. */
function act({ store }, late) {
  const ids = store.rows.filter(({ item, removing }) => item && !removing).map(({ item }) => item.id);
  const any = () => ids[random(ids.length)];
  const acts = [
    () => store.add(URI, { position: "next" }),
    () => store.addAll([URI, URI, URI], { position: "next" }),
    () => store.remove(any()),
    () => store.removeAll([any(), any()]),
    () => store.move(any(), any()),
    () => store.move(any(), null),
    () => store.moveAll([...new Set([any(), any()])]),
    () => store.shuffle(),
    () => store.setLoop(["off", "track", "queue"][random(3)]),
    () => store.setVolume(random(200)),
    () => store.seek(random(60_000)),
    () => store.previous(),
    () => (late ? store.skipTo(ids[random(5)]) : store.replay()),
    () => store.undo(),
    () => store.undo(),
    () => store.redo(),
  ];
  pending.push(acts[random(acts.length)]().catch(({ code, name }) => refusals.set(code ?? name, (refusals.get(code ?? name) ?? 0) + 1)));
}

for (let i = 0; i < ACTS; i++) {
  stores.forEach((one) => act(one, i > ACTS - 10));
  parts += stores.filter(({ store }) => store.hasMore).length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  if (i === ACTS / 2) process.stdout.write("half\n");
}
await Promise.all(pending);
const known = new Set(["ITEM_NOT_FOUND", "NetworkError", "NOTHING_TO_UNDO", "NOTHING_TO_REDO", "NOTHING_PLAYING", "NO_PREVIOUS", "CHANGED_SINCE"]);
assert.deepEqual([...refusals.keys()].filter((code) => !known.has(code)), []);

const rest = stores[0].client.rest;
const whole = [];
for (let after = ""; after !== null;) {
  const page = await rest.get(`/api/guilds/${GUILD_ID}/queue?limit=100${after && `&after=${after}`}`);
  whole.push(...page.items.map(({ id }) => id));
  after = page.next;
}
const held = ({ store }) => store.rows.map(({ item }) => item?.id);
const same = (one) => held(one).every((id, place) => id === whole[place]) && one.store.queueTotal === whole.length;
await until(() => stores.every((one) => one.store.pendingCount === 0 && same(one) && held(one).length >= Math.min(100, whole.length)), 15_000);
const { player } = await rest.get(`/api/guilds/${GUILD_ID}/snapshot`);
for (const { store } of stores) {
  const { position_ms: _, position_at: __, ...shown } = store.player;
  const { position_ms: ___, position_at: ____, ...real } = player;
  assert.deepEqual(shown, real);
}
console.log(parts);
await Promise.all(stores.map(({ client }) => client.close()));

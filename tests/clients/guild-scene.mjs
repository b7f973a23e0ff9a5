/** A guild's store over a Peer, made for each test of the file that imports this. */

import { afterEach, beforeEach } from "node:test";

import { GuildStore } from "../../clients/js/src/guild.js";
import { MemoryStorage } from "../../clients/js/src/storage.js";
import { Peer, idlePlayer, makeClient, makeItem, until } from "./peer.mjs";

export let peer, client, storage, store, refused;
let now;

beforeEach(async () => {
  peer = await new Peer().listen();
  now = 0;
  refused = [];
  storage = new MemoryStorage();
  open();
});
afterEach(async () => {
  await client.close();
  await peer.close();
});

/** Create user u1's client and store of the guild, over what is already in the storage. */
export function open() {
  client = makeClient(peer, { userId: "u1", storage });
  store = new GuildStore({
    client,
    guildId: "1",
    now: () => now,
    onReset: () => (store.resets = (store.resets ?? 0) + 1),
    onState: (connection) => (store.connection = connection),
    onLateRefusal: ({ args, note }, error) => refused.push(`${args.query ?? note.title}: ${error.message}`),
  });
}

export async function start() {
  await store.start();
  await until(() => store.connection === "live");
}

export const rows = () => store.rows.map(({ item, add, removing }) => (
  item ? item.track.title + (removing ? " (removing)" : "") : add.query + (add.waiting ? " (waiting)" : " (adding)")
));
export const pushes = () => peer.frames.filter(({ type }) => type === "push").map(({ events }) => events.map(({ name, args }) => args.query ?? name));

/** Make the server refuse pushes with that error. */
export function refuse(problem) {
  peer.intercept = (frame, socket) => {
    if (frame.type === "push") socket.send({ type: "error", id: frame.id, ...problem });
    return frame.type === "push";
  };
}

/** Make the server unavailable until the returned function is called. */
export async function goOffline() {
  peer.refuseUpgrades = true;
  peer.interceptHttp = () => "cut";
  peer.closeAll(1012);
  await until(() => store.connection === "waiting");
  return () => {
    peer.refuseUpgrades = false;
    peer.interceptHttp = () => null;
  };
}

/** Let the store's clock go on. */
export function pass(ms) {
  now += ms;
}

/** A player with a current track of a minute, at a position. */
export function playingPlayer(position_ms = 10_000) {
  return { ...idlePlayer(), status: "playing", item: makeItem("now"), position_ms };
}

/** What can be done with the rows of the queue: the entries of their menu, and the tools of the selection. */

import { announce, propose, toast } from "../backline/js/announce.js";
import { isMe, isolated, nameOf, titleOf, trackCount } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { attempt, consequence } from "./attempts.js";
import { askPlace, askPlaylist } from "./dialogs.js";
import { jumping } from "./player-view.js";

/**
 * @import { GuildStore } from "../client/guild.js"
 * @import { RestClient } from "../client/rest.js"
 * @import { QueueItem, Track } from "../client/types.d.ts"
 * @import { Hearts } from "./hearts.js"
 * @import { Entry } from "./menu.js"
 * @import { Line } from "./queue-lines.js"
 */

/** How often, and how long after each other, a part of the queue is asked for. */
const LOADS = 20;
const LOAD_MS = 100;

export class QueueActs {
  #store;
  #rest;
  #hearts;

  /** @param {{store: GuildStore, rest: RestClient, hearts: Hearts}} options */
  constructor({ store, rest, hearts }) {
    this.#store = store;
    this.#rest = rest;
    this.#hearts = hearts;
  }

  /** The items of the queue in order. @returns {QueueItem[]} */
  get #items() {
    return (this.#store.rows ?? []).flatMap(({ item }) => item ?? []);
  }

  /** The commands of a row. @param {Line} line @param {(id: string) => void} select @returns {Entry[]} */
  entries(line, select) {
    const { item } = line;
    if (!item || line.state === "removing" || line.state === "retrying") return [];
    if (line.state === "failed") return this.#ofFailed(item, line.title);
    return [...this.#moves(item, line.title), ...this.#keeping(item, select), ...this.#removals(item, line)];
  }

  /** @param {QueueItem} item @param {string} title @returns {Entry[]} */
  #ofFailed(item, title) {
    const { can } = this.#store;
    return [
      ...(can?.add === false ? [] : [{ words: gettext("Retry"), icon: "rotate-ccw", key: "r", act: () => attempt(() => this.#store.retry(item.id), consequence("RetryItem", title)) }]),
      ...(this.#mayRemove(item) ? [this.#removal(item.id, title)] : []),
    ];
  }

  /** @param {QueueItem} item @param {string} title @returns {Entry[]} */
  #moves(item, title) {
    const { can, player, isLive } = this.#store;
    const items = this.#items;
    const at = items.findIndex(({ id }) => id === item.id);
    const first = at <= 0;
    const last = at === items.length - 1;
    const [, mayJump] = jumping(player?.item ?? null, can);
    /** @type {Entry[]} */
    const entries = [];
    if (mayJump) entries.push({ words: gettext("Play now"), icon: "play", key: "Shift+Enter", off: !isLive, act: () => attempt(() => this.#store.skipTo(item.id)) });
    if (can?.move === false) return entries;
    const to = (/** @type {string | null} */ after) => () => this.move([item.id], after, title);
    return [...entries,
      { words: gettext("Play next"), icon: "list-start", key: "Enter", off: first, act: to(null) },
      { words: gettext("Move up"), icon: "arrow-up", key: "Alt+ArrowUp", off: first, act: to(items[at - 2]?.id ?? null) },
      { words: gettext("Move down"), icon: "arrow-down", key: "Alt+ArrowDown", off: last, act: to(items[at + 1]?.id ?? null) },
      { words: gettext("Move to the end"), icon: "arrow-down-to-line", key: "Alt+End", off: last && !this.#store.hasMore, act: () => this.moveToEnd([item.id], title) },
      { words: gettext("Move to…"), icon: "list-ordered", key: "m", act: () => this.#askPlace(item, title, at) },
    ];
  }

  /** @param {QueueItem} item @param {string} title @param {number} at */
  #askPlace(item, title, at) {
    const total = this.#store.queueTotal;
    askPlace({ title, place: at + 1, total, act: (place) => attempt(() => this.#moveToPlace(item.id, place, title), consequence("MoveItem", title)) });
  }

  /** @param {string} id @param {number} place counts from 1 @param {string} title */
  async #moveToPlace(id, place, title) {
    if (place >= this.#store.queueTotal) return this.moveToEnd([id], title);
    const others = () => this.#items.filter((other) => other.id !== id);
    for (let tries = 0; tries < LOADS && others().length < place - 1; tries++) {
      await this.#store.loadUpTo(place);
      if (tries) await new Promise((resolve) => setTimeout(resolve, LOAD_MS)); // a page waits for the events before it
    }
    const before = place === 1 ? null : others()[place - 2];
    if (before === undefined) throw new Error(gettext("Could not load the rest of the queue."));
    await this.move([id], before && before.id, title);
  }

  /** @param {QueueItem} item @param {(id: string) => void} select @returns {Entry[]} */
  #keeping({ id, track }, select) {
    const liked = this.#hearts.has(track.uri);
    return [
      { words: liked ? gettext("Remove from favorites") : gettext("Add to favorites"), icon: "heart", key: "f", group: true, act: () => this.#hearts.toggle(track.uri) },
      { words: gettext("Add to playlist"), icon: "list-music", key: "a", act: () => this.addToPlaylist([track]) },
      { words: gettext("Select"), icon: "check", key: "x", act: () => select(id) },
    ];
  }

  /** @param {QueueItem} item @param {Line} line @returns {Entry[]} */
  #removals(item, { title, mine }) {
    const person = item.requested_by;
    /** @type {Entry[]} */
    const entries = [];
    if (mine) {
      entries.push({ words: gettext("Remove all your tracks"), icon: "list-x", bad: true, act: () => attempt(() => this.#store.clearMine()) });
    } else if (person && this.#store.can?.clear) {
      const words = interpolate(gettext("Remove all tracks of %(name)s"), { name: isolated(nameOf(person)) });
      entries.push({ words, icon: "list-x", bad: true, off: !this.#store.isLive, act: () => attempt(() => this.#store.clear(person.id)) });
    }
    if (this.#mayRemove(item)) entries.push(this.#removal(item.id, title));
    if (entries.length) entries[0].group = true;
    return entries;
  }

  /** @param {QueueItem} item */
  #mayRemove(item) {
    return isMe(item.requested_by) || this.#store.can?.remove !== false;
  }

  /** @param {string} id @param {string} title @returns {Entry} */
  #removal(id, title) {
    return { words: gettext("Remove"), icon: "trash-2", key: "Delete", bad: true, act: () => this.remove([id], title) };
  }

  /** @param {string[]} ids @param {string} [title] of a single one */
  remove(ids, title) {
    const act = () => (ids.length === 1 ? this.#store.remove(ids[0]) : this.#store.removeAll(ids));
    return attempt(act, title ? consequence("RemoveItem", title) : several(gettext("Could not remove %(tracks)s."), ids));
  }

  /** @param {string[]} ids @param {string | null} after @param {string} [title] of a single one */
  move(ids, after, title) {
    const act = () => (ids.length === 1 ? this.#store.move(ids[0], after) : this.#store.moveAll(ids, after));
    return attempt(act, title ? consequence("MoveItem", title) : several(gettext("Could not move %(tracks)s."), ids));
  }

  /** @param {string[]} ids @param {string} [title] of a single one */
  moveToEnd(ids, title) {
    return attempt(() => this.#store.moveAll(ids), title ? consequence("MoveItem", title) : several(gettext("Could not move %(tracks)s."), ids));
  }

  /** What was dragged or moved by key. @param {string[]} ids @param {string | null} after */
  drop(ids, after) {
    const item = this.#items.find(({ id }) => id === ids[0]);
    const title = ids.length === 1 && item ? titleOf(item.track) : undefined;
    this.move(ids, after, title);
    if (this.#store.isLive) return;
    const what = title === undefined ? trackCount(ids.length) : isolated(title);
    toast(interpolate(gettext("You are offline. The move of %(what)s is kept and sent when you are back online."), { what }));
  }

  /** @param {Track[]} tracks */
  addToPlaylist(tracks) {
    const uris = tracks.map(({ uri }) => uri);
    const onAdded = (/** @type {string} */ name, /** @type {number} */ added, /** @type {() => Promise<unknown>} */ undo) => {
      const text = interpolate(gettext("Added %(tracks)s to %(name)s"), { tracks: trackCount(added), name: isolated(name) });
      announce(text);
      propose(text, { words: gettext("Undo"), icon: "undo-2", key: "u", act: () => attempt(undo, gettext("Could not undo this.")) });
    };
    askPlaylist({ rest: this.#rest, uris, onAdded });
  }

  /** @param {Track[]} tracks */
  addToFavorites(tracks) {
    const uris = tracks.map(({ uri }) => uri);
    return attempt(async () => {
      await this.#hearts.addAll(uris);
      announce(interpolate(gettext("Added %(tracks)s to your favorites"), { tracks: trackCount(uris.length) }));
    });
  }
}

/** @param {string} text @param {string[]} ids */
function several(text, ids) {
  return interpolate(text, { tracks: trackCount(ids.length) });
}

/** What happened, as sentences: the events of the log by deed. */

import { byId, element } from "../backline/js/dom.js";
import { duration, isMe, isolated, nameOf, titleOf, trackCount } from "../backline/js/format.js";
import { gettext, interpolate, interpolateNodes, ngettext } from "../backline/js/i18n.js";

/**
 * @import { GuildSyncEvent, Player } from "../client/types.d.ts"
 *
 * @typedef {[text: string, values?: Record<string, Node | string>]} Deed a sentence, and the values of its placeholders except `who`
 *
 * @typedef {{id: string | null, called: string, name: string, avatar_url: string | null}} Actor `called` in a sentence
 */

/** The number of events whose sentences are kept, for those who undo them. */
const KEPT = 1_000;

/** @type {Record<Player["loop"], string>} */
const LOOPED = {
  off: gettext("%(who)s turned off the loop"),
  track: gettext("%(who)s set the loop to the current track"),
  queue: gettext("%(who)s set the loop to the queue"),
};

const PLAYLIST_CHANGED = {
  name: gettext("%(who)s renamed a playlist to %(name)s"),
  tracks: gettext("%(who)s changed the tracks of the playlist %(name)s"),
  collaborators: gettext("%(who)s changed who may edit the playlist %(name)s"),
};

export class ActivityWords {
  #channelName;
  /** The voice channel of the newest event that names one. @type {string | null} */
  channelId = null;
  /** The deeds by the seqs of their events; null for an event without a sentence. @type {Map<number, {deed: Deed, actor: Actor | null} | null>} */
  #told = new Map();

  /** @param {{channelName: (id: string | null) => string}} options */
  constructor({ channelName }) {
    this.#channelName = channelName;
  }

  /**
   * @param {GuildSyncEvent[]} group of one deed
   * @returns {Deed | null} null if it needs no sentence
   */
  of(group) {
    const deed = this.#describe(group);
    const told = deed && { deed, actor: actorOf(group[0]) };
    for (const seq of [changeOf(group[0]), ...group.map(({ seqNum }) => seqNum)]) this.#told.set(seq, told);
    for (const seq of this.#told.keys()) {
      if (this.#told.size <= KEPT) break;
      this.#told.delete(seq);
    }
    return deed;
  }

  /** @param {GuildSyncEvent[]} group @returns {Deed | null} */
  #describe(group) {
    const [event] = group;
    const cut = event.metadata.change !== undefined; // the events before them are not known
    const { undoes, redoes } = event.metadata;
    if ((undoes || redoes) && group.some(({ name }) => name === "VoiceLeft")) this.channelId = null;
    if (undoes) return this.#turned(undoes, actorOf(event), gettext("%(who)s undid: %(deed)s"), gettext("%(who)s undid an earlier change"));
    if (redoes) return this.#turned(redoes, actorOf(event), gettext("%(who)s redid: %(deed)s"), gettext("%(who)s redid an earlier change"));
    if (isStop(group)) {
      this.channelId = null;
      return stopping(group, cut);
    }
    if (group.some(isClearing)) return clearing(group, cut);
    const main = mainOf(group);
    if (cut && isPart(main)) return null;
    return together(group, main) ?? this.#describeOne(main);
  }

  /**
   * A deed that was undone or redone, in its own words.
   * @param {number} seq of its first event
   * @param {Actor | null} actor who undoes it
   * @param {string} text
   * @param {string} otherwise if the deed is older than what is known
   * @returns {Deed}
   */
  #turned(seq, actor, text, otherwise) {
    const told = this.#told.get(seq);
    if (!told) return [otherwise];
    const [words, values = {}] = told.deed;
    const copies = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === "string" ? value : value.cloneNode(true)]));
    const who = strong(told.actor?.called ?? "Backline");
    // If people undo their own change, the sentence does not name them again.
    const same = told.actor?.called === actor?.called;
    const nodes = interpolateNodes(same ? words.replace(/^%\(who\)s:? /, "") : words, { ...copies, who });
    return [text, { deed: element("span", {}, ...nodes) }];
  }

  /**
   * @param {GuildSyncEvent} event
   * @returns {Deed | null} null for an event that needs no sentence
   */
  #describeOne({ name, args, metadata }) {
    const title = "item" in args ? strong(titleOf(args.item.track)) : "";
    const stream = "rule" in args ? strong(args.rule.stream_id) : "";
    switch (name) {
      case "TrackAdded":
        if (!metadata.userId && metadata.via === "bot") return [gettext("%(who)s added %(title)s again, because the queue repeats"), { title }];
        return [args.retried_id ? gettext("%(who)s retried %(title)s") : gettext("%(who)s added %(title)s"), { title }];
      case "TrackRemoved":
        return args.why === "retried" ? null : [gettext("%(who)s removed %(title)s"), { title }];
      case "TrackSkipped":
        return [gettext("%(who)s skipped %(title)s"), { title }];
      case "TrackFailed":
        return [gettext("%(who)s could not play %(title)s. %(reason)s"), { title, reason: args.item.error?.detail ?? "" }];
      case "TrackRequeued":
        return [gettext("%(who)s put %(title)s back in the queue"), { title }];
      case "TrackStarted":
        // The bot starts the next track. A person starts one only by going back.
        return metadata.userId ? [gettext("%(who)s went back to %(title)s"), { title }] : null;
      case "QueueShuffled":
        return [gettext("%(who)s shuffled the queue")];
      case "LoopChanged":
        return [LOOPED[args.player.loop]];
      case "PlayerSeeked": {
        const { item } = args.player;
        const values = { title: strong(item ? titleOf(item.track) : ""), position: duration(args.position_ms) };
        return [args.position_ms ? gettext("%(who)s moved to %(position)s in %(title)s") : gettext("%(who)s started %(title)s over"), values];
      }
      case "BotInstalled":
        return [gettext("%(who)s joined this server")];
      case "BotRemoved":
        return [gettext("%(who)s was removed from this server")];
      case "TrackMoved":
        return [args.after ? gettext("%(who)s moved %(title)s") : gettext("%(who)s moved %(title)s to the front"), { title }];
      case "SkipVoted": {
        const { votes, needed } = args;
        return metadata.userId ? [gettext("%(who)s voted to skip (%(votes)s of %(needed)s)"), { votes: String(votes), needed: String(needed) }] : null;
      }
      case "VolumeChanged":
        return [gettext("%(who)s set the volume to %(percent)s"), { percent: `${args.player.volume}%` }];
      case "SettingsChanged":
        return [gettext("%(who)s changed %(settings)s in the settings"), { settings: strong(settingNames(args.after)) }];
      case "ListOpened":
        return [gettext("%(who)s added %(tracks)s from the playlist %(title)s"), { tracks: trackCount(args.added), title }];
      case "QueueSaved":
        return [args.deleted ? gettext("%(who)s deleted the saved playlist") : gettext("%(who)s saved %(tracks)s as a playlist"), { tracks: trackCount(args.count) }];
      case "PlaylistCreated":
        return [gettext("%(who)s created the playlist %(name)s"), { name: strong(args.playlist.name) }];
      case "PlaylistChanged":
        return [PLAYLIST_CHANGED[args.change], { name: strong(args.playlist.name) }];
      case "PlaylistDeleted":
        return [gettext("%(who)s deleted the playlist %(name)s"), { name: strong(args.playlist.name) }];
      case "AlertRuleAdded":
        return [gettext("%(who)s added an alert rule for %(stream)s"), { stream }];
      case "AlertRuleChanged":
        return [gettext("%(who)s edited an alert rule")];
      case "AlertRuleRemoved":
        return [gettext("%(who)s deleted an alert rule for %(stream)s"), { stream }];
      case "PlayerPaused":
        return [gettext("%(who)s paused playback")];
      case "PlayerResumed":
        return [gettext("%(who)s resumed playback")];
      case "VoiceJoined":
      case "VoiceChanged": {
        const channelId = args.player.voice_channel_id;
        const moved = channelId !== this.channelId;
        this.channelId = channelId;
        const channel = strong(this.#channelName(channelId));
        if (name === "VoiceJoined") return [gettext("%(who)s chose the voice channel %(channel)s"), { channel }];
        // The bot also reports that its sound starts or stops. Then it has not moved.
        return moved && channelId ? [gettext("%(who)s joined %(channel)s"), { channel }] : null;
      }
      case "VoiceLeft":
        this.channelId = null;
        if (args.reason === "alone") return [gettext("%(who)s left the voice channel because it was empty")];
        return [metadata.userId ? gettext("%(who)s disconnected Backline from voice") : gettext("%(who)s left the voice channel")];
      case "PlayerErrorChanged":
        return troubleOf(args.player.error);
      default:
        return null;
    }
  }
}

/** @param {GuildSyncEvent} event @returns {boolean} whether it is part of a clearing */
function isClearing({ name, args }) {
  return name === "QueueCleared" || (name === "TrackRemoved" && args.why === "cleared");
}

/** Whether it lists some of a deed's items, of which other events may list more. @param {GuildSyncEvent} event */
function isPart({ name }) {
  return name === "TracksAdded" || name === "TracksRemoved" || name === "TracksSkipped" || name === "TracksMoved" || name === "QueueShuffled";
}

/** @param {GuildSyncEvent} event @returns {number} how many tracks it lists */
function sizeOf({ args }) {
  if ("items" in args) return args.items.length;
  if ("item_ids" in args) return args.item_ids.length;
  return "ranks" in args ? args.ranks.length : 0;
}

/** @param {GuildSyncEvent} event @returns {number} the first seq of the command that appended it, else its own */
export function changeOf({ seqNum, metadata }) {
  return metadata.change ?? seqNum;
}

/**
 * Group events by deed: those of one command.
 * @param {GuildSyncEvent[]} events ascending `seqNum`
 */
export function byDeed(events) {
  /** @type {GuildSyncEvent[][]} */
  const groups = [];
  for (const event of events) {
    const group = groups.at(-1);
    if (group && (changeOf(event) === changeOf(group[0]) || repeats(event, group[group.length - 1]))) group.push(event);
    else groups.push([event]);
  }
  return groups;
}

/** Whether it repeats the event before it: each press of a key seeks, and each track is added to a playlist by its own request. @param {GuildSyncEvent} event @param {GuildSyncEvent} last the event before it */
function repeats(event, last) {
  const turned = [event.metadata, last.metadata].some(({ undoes, redoes }) => undoes || redoes);
  if (turned || event.parentSeqNum !== last.seqNum || event.metadata.userId !== last.metadata.userId) return false;
  if (event.name === "PlaylistChanged" && last.name === event.name) {
    return last.args.change === event.args.change && last.args.playlist.id === event.args.playlist.id;
  }
  return event.name === "PlayerSeeked" && last.name === event.name;
}

/** @param {GuildSyncEvent[]} group @returns {boolean} */
function isStop(group) {
  return group.length > 1 && group[group.length - 1].name === "VoiceLeft";
}

/** The event that stands for a deed. @param {GuildSyncEvent[]} group */
function mainOf(group) {
  if (group[0].name === "PlayerSeeked" || group[0].name === "PlaylistChanged") return group[group.length - 1];
  const main = group.find((event) => isPart(event) || event.name === "TrackStarted");
  return main ?? group.find(({ name }) => name !== "QueueRenumbered") ?? group[0];
}

/** @param {GuildSyncEvent[]} group @param {GuildSyncEvent} main @returns {Deed | null} null if its main event describes it */
function together(group, { name }) {
  const parts = group.filter((event) => event.name === name || (name === "TracksSkipped" && event.name === "TrackSkipped"));
  const tracks = trackCount(parts.reduce((sum, event) => sum + (event.name === "TrackSkipped" ? 1 : sizeOf(event)), 0));
  switch (name) {
    case "TracksAdded":
      return [gettext("%(who)s added %(tracks)s"), { tracks }];
    case "TracksRemoved":
      return [gettext("%(who)s removed %(tracks)s"), { tracks }];
    case "TracksSkipped":
      return [gettext("%(who)s skipped %(tracks)s"), { tracks }];
    case "TracksMoved":
      return [gettext("%(who)s moved %(tracks)s"), { tracks }];
    default:
      return null;
  }
}

/** @param {GuildSyncEvent[]} group @param {boolean} cut @returns {Deed} */
function stopping(group, cut) {
  const tracks = group.reduce((sum, event) => sum + sizeOf(event), 0);
  if (cut || !tracks) return [gettext("%(who)s stopped playback")];
  return [gettext("%(who)s stopped playback and cleared %(tracks)s"), { tracks: trackCount(tracks) }];
}

/** @param {GuildSyncEvent[]} group @param {boolean} cut @returns {Deed} */
function clearing(group, cut) {
  if (cut) return [gettext("%(who)s cleared the queue")];
  const tracks = group.reduce((sum, event) => sum + sizeOf(event), 0);
  const count = group.filter(({ name }) => name === "TrackRemoved").length;
  const failed = interpolate(ngettext("%(count)s failed track", "%(count)s failed tracks", count), { count });
  if (!tracks) return [gettext("%(who)s cleared %(failed)s"), { failed }];
  const text = count ? gettext("%(who)s cleared the queue: %(tracks)s, %(failed)s") : gettext("%(who)s cleared the queue: %(tracks)s");
  return [text, { tracks: trackCount(tracks), failed }];
}

/** @param {{code: string, detail: string} | null} error @returns {Deed | null} null for a state that someone chose */
function troubleOf(error) {
  switch (error?.code) {
    case undefined:
    case "PAUSED":
    case "STOPPED":
      return null;
    case "NO_VOICE_CHANNEL":
      return [gettext("%(who)s is not in a voice channel")];
    case "BOT_AWAY":
      return [gettext("%(who)s is offline")];
    default:
      return [gettext("%(who)s cannot play. %(reason)s"), { reason: error?.detail ?? "" }];
  }
}

/** A deed without who did it, to stand alone: "Removed Moss". @param {Deed} deed */
export function withoutActor([text, values = {}]) {
  const [first, ...rest] = interpolateNodes(text.replace(/^%\(who\)s:? /, ""), values);
  const begin = typeof first === "string" ? first.charAt(0).toUpperCase() + first.slice(1) : first;
  return [begin, ...rest].map((part) => (typeof part === "string" ? part : isolated(part.textContent ?? ""))).join("");
}

/** @param {object} settings @returns {string} their names on the settings page */
function settingNames(settings) {
  const labels = JSON.parse(byId("feed").dataset.settings ?? "{}");
  return Object.keys(settings).map((name) => labels[name] ?? name).join(", ");
}

/** A name or a title inside a sentence, in its own direction of writing. @param {string} text */
export function strong(text) {
  return element("strong", {}, element("bdi", {}, text));
}

/** @param {GuildSyncEvent} event @returns {Actor | null} null: Backline itself */
export function actorOf({ name: event, args, metadata }) {
  if ((event === "TrackFailed" && !metadata.undoes && !metadata.redoes) || (!metadata.userId && metadata.via === "bot")) return null;
  const person = event === "TrackAdded" ? args.item.requested_by : null;
  const name = metadata.displayName || metadata.username || (person ? nameOf(person) : "");
  if (!name) return metadata.userId ? { id: metadata.userId, called: gettext("Someone"), name: "?", avatar_url: null } : null;
  const me = isMe({ id: metadata.userId ?? person?.id ?? "" });
  return { id: metadata.userId ?? person?.id ?? null, called: me ? gettext("You") : name, name, avatar_url: metadata.avatarUrl ?? person?.avatar_url ?? null };
}

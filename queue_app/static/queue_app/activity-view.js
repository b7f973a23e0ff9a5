/** The activity feed: the log's events as sentences, newest first. */

import { avatar, byId, element, icon, setText } from "../backline/js/dom.js";
import { ago, isMe, nameOf, titleOf, trackCount } from "../backline/js/format.js";
import { gettext, interpolate, interpolateNodes, ngettext } from "../backline/js/i18n.js";

/**
 * @import { EventMetadata, GuildSyncEvent } from "../client/types.d.ts"
 *
 * @typedef {[text: string, values?: Record<string, Node | string>]} Deed a sentence, and the values of its placeholders except `who`
 */

const SHOWN = 30;

/** @type {Record<EventMetadata["via"], string>} */
const SURFACES = {
  sync: gettext("on the web"), rest: gettext("on the web"), discord: gettext("in Discord"), admin: gettext("in the admin"), bot: "",
};

export class ActivityView {
  #list = byId("activity");
  #channelName;
  #oldest = Infinity;
  /** The voice channel of the newest event that names one. @type {string | null} */
  #channelId = null;
  /** The newest events if they are part of a clearing, which may have more events. @type {GuildSyncEvent[]} */
  #clearing = [];

  /** @param {{channelName: (id: string | null) => string}} options */
  constructor({ channelName }) {
    this.#channelName = channelName;
    const more = byId("activity-more");
    more.addEventListener("click", () => {
      const open = byId("feed").toggleAttribute("data-open");
      more.setAttribute("aria-expanded", String(open));
      setText(more, open ? gettext("Show less") : gettext("Show more"));
    });
  }

  /** Empty the feed: events are missing between those shown and the next ones. */
  clear() {
    this.#list.replaceChildren();
    this.#oldest = Infinity;
    this.#channelId = null;
    this.#clearing = [];
  }

  /** Show new events. @param {GuildSyncEvent[]} events oldest first */
  add(events) {
    this.#oldest = Math.min(this.#oldest, ...events.map(({ seqNum }) => seqNum));
    const known = this.#clearing.length;
    const groups = together([...this.#clearing, ...events]);
    if (known && groups[0].length > known) this.#list.firstElementChild?.remove(); // it is drawn again, as a whole
    else if (known) groups.shift();
    for (const group of groups) {
      const node = this.#render(group);
      if (!node) continue;
      node.setAttribute("data-new", "");
      this.#list.prepend(node);
    }
    this.#clearing = (groups.at(-1) ?? []).filter(isClearing);
    this.#trim();
  }

  /** Show earlier events, except those shown already. @param {GuildSyncEvent[]} events oldest first */
  addPast(events) {
    const now = this.#channelId;
    const groups = together(events.filter((event) => event.seqNum < this.#oldest));
    if (this.#oldest === Infinity) this.#clearing = (groups.at(-1) ?? []).filter(isClearing);
    // The events may begin in the middle of a clearing.
    const nodes = groups.map((group, place) => this.#render(group, place === 0 && group[0].parentSeqNum > 0));
    this.#channelId = now ?? this.#channelId;
    this.#list.append(...nodes.filter((node) => node !== null).reverse());
    this.#trim();
  }

  #trim() {
    while (this.#list.children.length > SHOWN) this.#list.lastElementChild?.remove();
    this.tick();
  }

  /** Update the times. */
  tick() {
    for (const time of this.#list.querySelectorAll("time")) {
      setText(time, ago(Date.now() - Date.parse(time.dateTime)));
    }
  }

  /** @param {GuildSyncEvent[]} group of one deed @param {boolean} [cut] whether events may be missing before them */
  #render(group, cut = false) {
    const [event] = group;
    const deed = isClearing(event) ? clearing(group, cut) : this.#describe(event);
    return deed && render(event, deed);
  }

  /**
   * @param {GuildSyncEvent} event
   * @returns {Deed | null} null for an event that needs no sentence
   */
  #describe({ name, args, metadata }) {
    const title = "item" in args ? strong(titleOf(args.item.track)) : "";
    const stream = "rule" in args ? strong(args.rule.stream_id) : "";
    switch (name) {
      case "TrackAdded":
        return [args.retried_id ? gettext("%(who)s retried %(title)s") : gettext("%(who)s added %(title)s"), { title }];
      case "TrackRemoved":
        return args.why === "retried" ? null : [gettext("%(who)s removed %(title)s"), { title }];
      case "TrackSkipped":
        return [gettext("%(who)s skipped %(title)s"), { title }];
      case "TrackFailed":
        return [gettext("%(who)s could not play %(title)s. %(reason)s"), { title, reason: args.item.error?.detail ?? "" }];
      case "TrackRequeued":
        return [gettext("%(who)s put %(title)s back in the queue"), { title }];
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
        const moved = channelId !== this.#channelId;
        this.#channelId = channelId;
        const channel = strong(this.#channelName(channelId));
        if (name === "VoiceJoined") return [gettext("%(who)s chose the voice channel %(channel)s"), { channel }];
        // The bot also reports that it can be heard, or no longer. It has not moved then.
        return moved && channelId ? [gettext("%(who)s joined %(channel)s"), { channel }] : null;
      }
      case "VoiceLeft":
        this.#channelId = null;
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

/**
 * Group the events of one deed. The events of a clearing follow each other: a second clearing needs tracks, and so
 * events, in between.
 * @param {GuildSyncEvent[]} events
 */
function together(events) {
  /** @type {GuildSyncEvent[][]} */
  const groups = [];
  for (const event of events) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (group && last && isClearing(event) && isClearing(last) && event.parentSeqNum === last.seqNum) group.push(event);
    else groups.push([event]);
  }
  return groups;
}

/** @param {GuildSyncEvent[]} group @param {boolean} cut @returns {Deed} */
function clearing(group, cut) {
  if (cut) return [gettext("%(who)s cleared the queue")];
  const tracks = group.reduce((sum, { args }) => sum + ("item_ids" in args ? args.item_ids.length : 0), 0);
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

/** @param {object} settings @returns {string} as the settings page calls them */
function settingNames(settings) {
  const labels = JSON.parse(byId("feed").dataset.settings ?? "{}");
  return Object.keys(settings).map((name) => labels[name] ?? name).join(", ");
}

/** @param {GuildSyncEvent} event @param {Deed} deed */
function render(event, [text, values = {}]) {
  const actor = actorOf(event);
  const who = strong(actor?.called ?? "Backline");
  const sentence = element("span", { class: "deed-words" }, ...interpolateNodes(text, { ...values, who }));
  const surface = SURFACES[event.metadata.via] ?? "";
  const time = element("time", { datetime: new Date(event.metadata.timestamp).toISOString() });
  const when = element("small", {}, time, surface && actor ? `, ${surface}` : "");
  const picture = actor
    ? avatar(actor)
    : element("span", { class: "avatar avatar-bot", "aria-hidden": "true" }, icon("audio-lines"));
  return element("li", { class: "deed" }, picture, element("span", {}, sentence, when));
}

/** A name or a title inside a sentence, in its own direction of writing. @param {string} text */
function strong(text) {
  return element("strong", {}, element("bdi", {}, text));
}

/**
 * @param {GuildSyncEvent} event
 * @returns {{called: string, name: string, avatar_url: string | null} | null} null: Backline itself
 */
function actorOf({ name: event, args, metadata }) {
  if (event === "TrackFailed" || (!metadata.userId && metadata.via === "bot")) return null;
  const person = event === "TrackAdded" ? args.item.requested_by : null;
  const name = metadata.displayName || metadata.username || (person ? nameOf(person) : "");
  if (!name) return metadata.userId ? { called: gettext("Someone"), name: "?", avatar_url: null } : null;
  const me = isMe({ id: metadata.userId ?? person?.id ?? "" });
  return { called: me ? gettext("You") : name, name, avatar_url: metadata.avatarUrl ?? person?.avatar_url ?? null };
}

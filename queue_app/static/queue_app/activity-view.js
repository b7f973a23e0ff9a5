/** Who did what: the log's events as sentences, newest first. */

import { avatar, byId, element, icon, setText } from "../backline/js/dom.js";
import { ago, counted, isMe, nameOf, titleOf } from "../backline/js/format.js";

/**
 * @import { EventMetadata, GuildSyncEvent } from "../client/types.d.ts"
 *
 * @typedef {{verb: string, object?: string, rest?: string}} Deed
 */

const SHOWN = 30;

/** @type {Record<EventMetadata["via"], string>} */
const SURFACES = { sync: "on the web", rest: "on the web", discord: "in Discord", admin: "in the admin", bot: "" };

export class ActivityView {
  #list = byId("activity");
  #channelName;
  #oldest = Infinity;
  /** Where Backline was last said to be. @type {string | null} */
  #channelId = null;
  /** The newest events, if they tell of a clearing: more of it may come. @type {GuildSyncEvent[]} */
  #clearing = [];

  /** @param {{channelName: (id: string | null) => string}} options */
  constructor({ channelName }) {
    this.#channelName = channelName;
    const more = byId("activity-more");
    more.addEventListener("click", () => {
      const open = byId("feed").toggleAttribute("data-open");
      more.setAttribute("aria-expanded", String(open));
      setText(more, open ? "Show less" : "Show more");
    });
  }

  /** Begin again: something is missing between what is shown and what comes. */
  clear() {
    this.#list.replaceChildren();
    this.#oldest = Infinity;
    this.#channelId = null;
    this.#clearing = [];
  }

  /** What has just happened. @param {GuildSyncEvent[]} events oldest first */
  add(events) {
    this.#oldest = Math.min(this.#oldest, ...events.map(({ seqNum }) => seqNum));
    const known = this.#clearing.length;
    const groups = together([...this.#clearing, ...events]);
    if (known && groups[0].length > known) this.#list.firstElementChild?.remove(); // it is told again, as a whole
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

  /** What happened before; what is shown already is left out. @param {GuildSyncEvent[]} events oldest first */
  addPast(events) {
    const now = this.#channelId;
    const groups = together(events.filter((event) => event.seqNum < this.#oldest));
    if (this.#oldest === Infinity) this.#clearing = (groups.at(-1) ?? []).filter(isClearing);
    // What was read may begin in the middle of a clearing.
    const nodes = groups.map((group, place) => this.#render(group, place === 0 && group[0].parentSeqNum > 0));
    this.#channelId = now ?? this.#channelId;
    this.#list.append(...nodes.filter((node) => node !== null).reverse());
    this.#trim();
  }

  #trim() {
    while (this.#list.children.length > SHOWN) this.#list.lastElementChild?.remove();
    this.tick();
  }

  /** Let the times grow older. */
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
   * @returns {Deed | null} null for what nobody did, or what another event tells
   */
  #describe({ name, args, metadata }) {
    switch (name) {
      case "TrackAdded":
        return { verb: args.retried_id ? "retried" : "added", object: titleOf(args.item.track) };
      case "TrackRemoved":
        return args.why === "retried" ? null : { verb: "removed", object: titleOf(args.item.track) };
      case "TrackSkipped":
        return { verb: "skipped", object: titleOf(args.item.track) };
      case "TrackFailed":
        return { verb: "could not play", object: titleOf(args.item.track), rest: args.item.error?.detail };
      case "TrackRequeued":
        return { verb: "put back", object: titleOf(args.item.track) };
      case "BotInstalled":
        return { verb: "joined this server" };
      case "BotRemoved":
        return { verb: "was removed from this server" };
      case "TrackMoved":
        return { verb: "moved", object: titleOf(args.item.track), rest: args.after ? "" : "to the front" };
      case "SkipVoted":
        return metadata.userId ? { verb: "voted to skip", rest: `(${args.votes} of ${args.needed})` } : null;
      case "VolumeChanged":
        return { verb: `set the volume to ${args.player.volume} %` };
      case "SettingsChanged":
        return { verb: "changed", object: settingNames(args.after), rest: "in the settings" };
      case "AlertRuleAdded":
        return { verb: "had alerts of", object: args.rule.stream_id, rest: "posted here" };
      case "AlertRuleChanged":
        return { verb: "changed a rule for alerts" };
      case "AlertRuleRemoved":
        return { verb: "ended a rule for alerts of", object: args.rule.stream_id };
      case "PlayerPaused":
        return { verb: "paused playback" };
      case "PlayerResumed":
        return { verb: "resumed playback" };
      case "VoiceJoined":
      case "VoiceChanged": {
        const channelId = args.player.voice_channel_id;
        const moved = channelId !== this.#channelId;
        this.#channelId = channelId;
        if (name === "VoiceJoined") return { verb: "chose", object: this.#channelName(channelId), rest: "to play in" };
        // The bot also reports that it is heard, or not any more; that is no move.
        return moved && channelId ? { verb: "plays in", object: this.#channelName(channelId) } : null;
      }
      case "VoiceLeft":
        this.#channelId = null;
        if (args.reason === "alone") return { verb: "left, because nobody was there" };
        return { verb: metadata.userId ? "disconnected Backline from voice" : "left voice" };
      case "PlayerErrorChanged":
        return troubleOf(args.player.error);
      default:
        return null;
    }
  }
}

/** @param {GuildSyncEvent} event @returns {boolean} whether it is a part of a clearing */
function isClearing({ name, args }) {
  return name === "QueueCleared" || (name === "TrackRemoved" && args.why === "cleared");
}

/**
 * Events of one deed together. A clearing's stand next to each other, and what could be cleared after it had to
 * come in between.
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
  if (cut) return { verb: "cleared the queue" };
  const tracks = group.reduce((sum, { args }) => sum + ("item_ids" in args ? args.item_ids.length : 0), 0);
  const failed = group.filter(({ name }) => name === "TrackRemoved").length;
  if (!tracks) return { verb: `cleared ${counted(failed, "failed track")}` };
  return { verb: "cleared the queue", rest: `of ${counted(tracks, "track")}${failed ? ` and ${failed} failed` : ""}` };
}

/** @param {{code: string, detail: string} | null} error @returns {Deed | null} null for what somebody wanted so */
function troubleOf(error) {
  switch (error?.code) {
    case undefined:
    case "PAUSED":
    case "STOPPED":
      return null;
    case "NO_VOICE_CHANNEL":
      return { verb: "has nowhere to play" };
    case "BOT_AWAY":
      return { verb: "is away" };
    default:
      return { verb: "ran into trouble:", rest: error?.detail };
  }
}

/** @param {object} settings @returns {string} as the settings page calls them */
function settingNames(settings) {
  const labels = JSON.parse(byId("feed").dataset.settings ?? "{}");
  return Object.keys(settings).map((name) => labels[name] ?? name).join(", ");
}

/** @param {GuildSyncEvent} event @param {Deed} deed */
function render(event, deed) {
  const actor = actorOf(event);
  const sentence = element("span", { class: "deed-words" }, strong(actor?.called ?? "Backline"), ` ${deed.verb}`);
  if (deed.object) sentence.append(" ", strong(deed.object));
  if (deed.rest) sentence.append(deed.object && event.name === "TrackFailed" ? `. ${deed.rest}` : ` ${deed.rest}`);
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
  if (!name) return metadata.userId ? { called: "Someone", name: "?", avatar_url: null } : null;
  const me = isMe({ id: metadata.userId ?? person?.id ?? "" });
  return { called: me ? "You" : name, name, avatar_url: metadata.avatarUrl ?? person?.avatar_url ?? null };
}

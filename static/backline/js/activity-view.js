/** Who did what: the log's events as sentences, newest first. */

import { avatar, byId, element, icon, setText } from "./dom.js";
import { ago, counted, isMe, nameOf, titleOf } from "./format.js";

/**
 * @import { EventMetadata, SyncEvent } from "../../client/types.d.ts"
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

  /** What has just happened. @param {SyncEvent[]} events oldest first */
  add(events) {
    for (const event of events) {
      this.#oldest = Math.min(this.#oldest, event.seqNum);
      const node = this.#render(event);
      if (!node) continue;
      node.setAttribute("data-new", "");
      this.#list.prepend(node);
    }
    this.#trim();
  }

  /** What happened before; what is shown already is left out. @param {SyncEvent[]} events oldest first */
  addPast(events) {
    const now = this.#channelId;
    const nodes = events.filter((event) => event.seqNum < this.#oldest).map((event) => this.#render(event));
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

  /** @param {SyncEvent} event @returns {HTMLElement | null} null for what nobody did */
  #render(event) {
    const deed = this.#describe(event);
    return deed && render(event, deed);
  }

  /**
   * @param {SyncEvent} event
   * @returns {Deed | null}
   */
  #describe({ name, args, metadata }) {
    switch (name) {
      case "TrackAdded":
        return { verb: "added", object: titleOf(args.item.track) };
      case "TrackRemoved":
        return { verb: "removed", object: titleOf(args.item.track) };
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
      case "QueueCleared":
        return { verb: "cleared the queue", rest: `of ${counted(args.item_ids.length, "track")}` };
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
        return { verb: "paused the music" };
      case "PlayerResumed":
        return { verb: "let it play on" };
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
        return { verb: metadata.userId ? "sent Backline out of voice" : "is out of voice" };
      case "PlayerErrorChanged":
        return troubleOf(args.player.error);
      default:
        return null;
    }
  }
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

/** @type {Record<string, string>} */
const SETTINGS = {
  dj_role_id: "the DJ role",
  announce_channel_id: "the channel for announcements",
  voice_channel_id: "the default voice channel",
  default_volume: "the volume to begin with",
  may_add: "who adds tracks",
  may_skip: "who skips",
  may_move: "who changes the order",
  may_clear: "who clears the queue",
  vote_share: "the votes it takes to skip",
  max_per_person: "the tracks per person",
  fair_order: "taking turns",
  stay_in_channel: "staying when everyone has left",
  leave_after_minutes: "when to leave",
  allowed_sources: "where tracks may come from",
};

/** @param {Record<string, unknown>} settings */
function settingNames(settings) {
  return Object.keys(settings).map((name) => SETTINGS[name] ?? name).join(", ");
}

/** @param {SyncEvent} event @param {Deed} deed */
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
 * @param {SyncEvent} event
 * @returns {{called: string, name: string, avatar_url: string | null} | null} null: Backline itself
 */
function actorOf({ name: event, args, metadata }) {
  if (event === "TrackFailed" || (!metadata.userId && metadata.via === "bot")) return null;
  const person = event === "TrackAdded" ? args.item.requested_by : null;
  const name = metadata.displayName || metadata.username || (person ? nameOf(person) : "");
  if (!name) return metadata.userId ? { called: "Someone", name: "?", avatar_url: null } : null;
  const me = isMe({ id: metadata.userId ?? person?.id ?? "", username: name, avatar_url: null });
  return { called: me ? "You" : name, name, avatar_url: metadata.avatarUrl ?? person?.avatar_url ?? null };
}

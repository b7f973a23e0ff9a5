/**
 * The state of the player as people see it: words, lamp and buttons. A lost connection to the server is a state of
 * its own, with the last known state of the player.
 */

import { ago, clockTime, duration, isolated } from "../backline/js/format.js";
import { gettext, interpolate, ngettext } from "../backline/js/i18n.js";

/**
 * @import { ConnectionState, Player, Rights, Track, VoiceChannel } from "../client/types.d.ts"
 *
 * @typedef {object} Situation
 * @property {Player} player
 * @property {number} positionMs
 * @property {number} waiting the number of tracks in the queue
 * @property {boolean} late whether the first of them is overdue
 * @property {Rights | null} can
 * @property {VoiceChannel[]} channels
 * @property {string | null} seat the voice channel the viewer is in
 * @property {string | null} here the channel to offer: the viewer's, or the last one with playback
 * @property {{at: number, name: string | null} | null} cause when the state began, and who caused it
 * @property {{state: ConnectionState, at: Date, detail: string} | null} lost the lost connection, and since when
 * @property {number} changes of the viewer that were not sent yet
 * @property {boolean | null} wish the viewer's press of pause (true) or resume (false), kept until the connection is back
 *
 * @typedef {"add" | "pause" | "resume" | "join" | "choose" | "reconnect" | "changes" | "login" | "reload"} Act
 *
 * @typedef {object} Button
 * @property {Act} act
 * @property {string} words
 * @property {string} icon
 * @property {string} [label] if the words are not enough
 * @property {string} [channelId]
 *
 * @typedef {object} Look
 * @property {"sound" | "busy" | "need" | "rest" | "bad"} lamp
 * @property {boolean} cold the state shown is the last known one
 * @property {string} kicker
 * @property {Track | null} track
 * @property {string} title if there is no track
 * @property {string} blank the icon if there is no track
 * @property {string} line under the title; empty: artist and album
 * @property {string} words the problem, and what to do
 * @property {Button[]} buttons the primary one first
 * @property {Button | null} round the round button's act; null: disabled
 */

/** @type {Record<"add" | "pause" | "resume" | "retry" | "reconnect" | "login" | "reload", Button>} */
const BUTTONS = {
  add: { act: "add", words: gettext("Add music"), icon: "search", label: gettext("Search for music") },
  pause: { act: "pause", words: gettext("Pause"), icon: "pause" },
  resume: { act: "resume", words: gettext("Resume"), icon: "play" },
  retry: { act: "resume", words: gettext("Retry"), icon: "rotate-ccw" },
  reconnect: { act: "reconnect", words: gettext("Reconnect"), icon: "refresh-cw" },
  login: { act: "login", words: gettext("Log in"), icon: "arrow-right" },
  reload: { act: "reload", words: gettext("Reload"), icon: "rotate-ccw" },
};

/** Faults that end with another channel, or with a change in Discord. @type {Record<string, {kicker: string, lamp: "need" | "bad"}>} */
const FAULTS = {
  UNKNOWN_CHANNEL: { kicker: gettext("Channel not found"), lamp: "need" },
  CANNOT_CONNECT: { kicker: gettext("Cannot join the channel"), lamp: "need" },
  CHANNEL_FULL: { kicker: gettext("The channel is full"), lamp: "need" },
  NOT_ALLOWED_TO_SPEAK: { kicker: gettext("Cannot speak in the channel"), lamp: "need" },
  VOICE_FAILED: { kicker: gettext("No voice connection"), lamp: "bad" },
  VOICE_REFUSED: { kicker: gettext("Discord refused the connection"), lamp: "bad" },
};
/** A bot that restarts is back within this time. */
const SOON_MS = 60_000;
const TRIED_AGAIN = new Set(["VOICE_FAILED", "VOICE_REFUSED"]);
/** @type {Record<string, string>} */
const CODE_OF_STATUS = { paused: "PAUSED", stopped: "STOPPED" };

/** @param {Situation} situation @returns {Look} */
export function lookOf(situation) {
  const { player, lost } = situation;
  const code = player.error?.code ?? CODE_OF_STATUS[player.status] ?? "";
  const track = player.item?.track ?? null; // the next track is shown in the queue only
  /** @type {Look} */
  const look = {
    lamp: "rest", cold: lost !== null, kicker: gettext("Nothing playing"), track, title: gettext("Quiet in here"), blank: "music", line: "", words: "",
    buttons: [], round: null,
  };
  Object.assign(look, lost ? whenLost(situation, track) : code ? whenSilent(code, situation, track) : whenWell(situation));
  look.round ??= look.buttons[0] ?? null;
  return look;
}

/** @param {Situation} situation @returns {Partial<Look>} */
function whenWell(situation) {
  const { player, waiting, late, can } = situation;
  if (player.status === "playing") return { lamp: "sound", kicker: gettext("Now playing"), round: BUTTONS.pause };
  if (player.item) return { lamp: "busy", kicker: gettext("Joining voice"), round: BUTTONS.pause };
  if (waiting && late) {
    const words = gettext("The bot has not started the next track yet. Playback starts when the bot is back.");
    return { lamp: "need", kicker: gettext("Waiting for the bot"), words, round: BUTTONS.pause };
  }
  if (waiting) return { line: gettext("The next track is about to start."), round: BUTTONS.pause };
  if (can?.add === false) return { line: gettext("No one has added a track yet.") };
  return { line: howToStart(situation, gettext("Add a track to start playback.")), round: BUTTONS.add };
}

/** @param {Situation} situation @param {string} words if there is a channel to play in */
function howToStart({ player, seat }, words) {
  return player.voice_channel_id || seat ? words : gettext("Join a voice channel or choose one above, then add a track.");
}

/** @param {string} code @param {Situation} situation @param {Track | null} track @returns {Partial<Look>} */
function whenSilent(code, situation, track) {
  const { player, waiting, positionMs, cause } = situation;
  const detail = player.error?.detail ?? "";
  switch (code) {
    case "PAUSED":
      if (track) return { kicker: gettext("Paused"), words: pausedBy(cause), round: BUTTONS.resume };
      if (waiting) return { kicker: gettext("Paused"), blank: "pause", line: pausedBy(cause), buttons: [BUTTONS.resume] };
      return whenPausedAndEmpty(situation);
    case "STOPPED":
      if (!track && !waiting) {
        return { kicker: gettext("Stopped"), line: howToStart(situation, gettext("Add a track to start playback.")), buttons: mayAdd(situation) };
      }
      return { kicker: gettext("Stopped"), words: detail, buttons: elsewhere(situation), round: BUTTONS.resume };
    case "NO_VOICE_CHANNEL":
      if (!track && !waiting) return whenWell(situation);
      return { lamp: "need", kicker: gettext("No voice channel"), words: nowhere(waiting), buttons: elsewhere(situation) };
    case "BOT_AWAY": {
      const soon = cause !== null && Date.now() - cause.at < SOON_MS;
      const left = cause
        ? interpolate(gettext("The bot went offline at %(time)s. The queue is kept."), { time: clockTime(new Date(cause.at)) })
        : gettext("The bot is offline. The queue is kept.");
      const words = `${left} ${whenBack(track ? duration(positionMs) : "", soon)}`;
      const kicker = soon ? gettext("Backline is restarting") : gettext("Backline is offline");
      return { lamp: "need", kicker, words, round: BUTTONS.pause };
    }
    case "SERVER_MUTED":
      return { lamp: "bad", kicker: gettext("Server muted"), words: detail, buttons: [BUTTONS.pause] };
    default: {
      const { kicker, lamp } = FAULTS[code] ?? { kicker: gettext("Cannot play"), lamp: "bad" };
      const asked = code === "NOT_ALLOWED_TO_SPEAK" && isStage(situation);
      const again = TRIED_AGAIN.has(code) ? [BUTTONS.retry] : [];
      return { lamp, kicker: asked ? gettext("Asked to speak") : kicker, words: detail, buttons: [...again, ...elsewhere(situation)] };
    }
  }
}

/** @param {number} waiting */
function nowhere(waiting) {
  if (!waiting) return gettext("Backline is not in a voice channel. Join one or choose one above to start playback.");
  return interpolate(ngettext(
    "Backline is not in a voice channel. Join one or choose one above to play the %(count)s track in the queue.",
    "Backline is not in a voice channel. Join one or choose one above to play the %(count)s tracks in the queue.",
    waiting,
  ), { count: waiting });
}

/** @param {string} position in the track, or empty @param {boolean} soon */
function whenBack(position, soon) {
  if (!position) {
    return soon ? gettext("Playback resumes by itself, usually within 10 seconds.") : gettext("Playback resumes when the bot is back.");
  }
  const text = soon
    ? gettext("Playback resumes at %(position)s by itself, usually within 10 seconds.")
    : gettext("Playback resumes at %(position)s when the bot is back.");
  return interpolate(text, { position });
}

/** @param {Situation} situation @returns {Partial<Look>} */
function whenPausedAndEmpty(situation) {
  const buttons = mayAdd(situation);
  return {
    kicker: gettext("Paused"),
    title: gettext("The queue is empty"),
    blank: "pause",
    line: pausedBy(situation.cause),
    words: buttons.length ? howToStart(situation, gettext("Add a track to resume playback.")) : gettext("Playback resumes when someone adds a track."),
    buttons,
    round: buttons[0] ?? BUTTONS.resume,
  };
}

/** @param {Situation} situation @param {Track | null} track @returns {Partial<Look>} */
function whenLost({ player, positionMs, waiting: queued, lost, changes, wish }, track) {
  const { state, at, detail } = /** @type {NonNullable<Situation["lost"]>} */ (lost);
  const last = track
    ? interpolate(gettext("The page shows the last known state, at %(position)s."), { position: duration(positionMs) })
    : gettext("The page shows the last known state.");
  const since = { time: clockTime(at) };
  if (state === "signed_out") {
    const kicker = interpolate(gettext("Logged out since %(time)s"), since);
    return { kicker, words: `${gettext("You are logged out.")} ${last}`, buttons: [BUTTONS.login] };
  }
  if (state === "refused") {
    const kicker = interpolate(gettext("Disconnected at %(time)s"), since);
    return { kicker, words: `${detail} ${last}`.trim(), buttons: [BUTTONS.reload] };
  }
  const kept = interpolate(changes
    ? ngettext("%(count)s change will be sent when you are back online.", "%(count)s changes will be sent when you are back online.", changes)
    : gettext("Your changes are kept and sent when you are back online."), { count: changes });
  const showWords = interpolate(ngettext("Show %(count)s change", "Show %(count)s changes", changes), { count: changes });
  const round = (wish ?? player.status === "paused")
    ? { ...BUTTONS.resume, label: gettext("Resume when you are back online") }
    : { ...BUTTONS.pause, label: gettext("Pause when you are back online") };
  return {
    kicker: interpolate(gettext("Offline since %(time)s"), since),
    words: `${gettext("No connection to the server.")} ${last} ${kept}`,
    buttons: [BUTTONS.reconnect, ...(changes ? [/** @type {Button} */ ({ act: "changes", words: showWords, icon: "eye" })] : [])],
    round: track || queued ? round : BUTTONS.reconnect,
  };
}

/** @param {Situation} situation @returns {Button[]} */
function mayAdd({ can }) {
  return can?.add === false ? [] : [BUTTONS.add];
}

/** @param {Situation} situation @returns {Button[]} to play in the channel to offer, and to choose another */
function elsewhere({ player, channels, here }) {
  const offered = channels.find(({ id }) => id === here) ?? (channels.length === 1 ? channels[0] : undefined);
  /** @type {Button} */
  const choose = { act: "choose", words: gettext("Choose a channel"), icon: "chevron-down", label: gettext("Choose a voice channel") };
  if (!offered || (offered.id === player.voice_channel_id && player.status !== "stopped")) return [choose];
  const channel = isolated(offered.name);
  const label = interpolate(gettext("Play in %(channel)s"), { channel });
  const words = player.voice_channel_id === null ? interpolate(gettext("Join %(channel)s"), { channel }) : label;
  return [
    { act: "join", words, icon: "audio-lines", label, channelId: offered.id },
    { ...choose, words: gettext("Other channel") },
  ];
}

/** @param {Situation} situation */
function isStage({ player, channels }) {
  return channels.some(({ id, stage }) => stage && id === player.voice_channel_id);
}

/** @param {Situation["cause"]} cause */
function pausedBy(cause) {
  if (!cause?.name) return "";
  return interpolate(gettext("Paused by %(name)s %(when)s"), { name: isolated(cause.name), when: ago(Date.now() - cause.at) });
}

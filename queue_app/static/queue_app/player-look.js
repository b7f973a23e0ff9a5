/**
 * What the player is doing, for people: words, lamp, and the buttons that lead on. A state is told from what is
 * known, and what is known includes that nothing is heard of the server any more.
 */

import { ago, clockTime, counted, duration, isolated } from "../backline/js/format.js";

/**
 * @import { ConnectionState, Player, Rights, Track, VoiceChannel } from "../client/types.d.ts"
 *
 * @typedef {object} Situation
 * @property {Player} player
 * @property {number} positionMs
 * @property {number} waiting how many tracks wait in the queue
 * @property {boolean} late whether the first of them should have started long ago
 * @property {Rights | null} can
 * @property {VoiceChannel[]} channels
 * @property {string | null} seat the voice channel that oneself sits in
 * @property {string | null} here the channel to offer: the one that oneself sits in, else the last one that was played in
 * @property {{at: number, name: string | null} | null} cause when the state began, and who did it
 * @property {{state: ConnectionState, at: Date, detail: string} | null} lost the connection, and since when
 * @property {number} changes of one's own that were not sent yet
 * @property {boolean | null} wish to pause or to resume, kept until the connection is back
 *
 * @typedef {"add" | "pause" | "resume" | "join" | "choose" | "reconnect" | "changes" | "login" | "reload"} Act
 *
 * @typedef {object} Button
 * @property {Act} act
 * @property {string} words
 * @property {string} icon
 * @property {string} [label] where the words alone do not say it
 * @property {string} [channelId]
 *
 * @typedef {object} Look
 * @property {"sound" | "busy" | "need" | "rest" | "bad"} lamp
 * @property {boolean} cold what is shown is of the past
 * @property {string} kicker
 * @property {Track | null} track
 * @property {string} title where there is no track
 * @property {string} blank an icon, where there is none either
 * @property {string} line under the title; empty: what the track says
 * @property {string} words what is wrong, and what to do
 * @property {Button[]} buttons the main one first
 * @property {Button | null} round what the round button does; null: nothing can be done
 */

/** @type {Record<"add" | "pause" | "resume" | "keep" | "again" | "reconnect" | "login" | "reload", Button>} */
const BUTTONS = {
  add: { act: "add", words: "Add music", icon: "search", label: "Play: opens the search" },
  pause: { act: "pause", words: "Pause", icon: "pause" },
  resume: { act: "resume", words: "Resume", icon: "play" },
  keep: { act: "pause", words: "Keep it paused", icon: "pause" },
  again: { act: "resume", words: "Try again", icon: "rotate-ccw" },
  reconnect: { act: "reconnect", words: "Try again now", icon: "refresh-cw" },
  login: { act: "login", words: "Log in", icon: "arrow-right" },
  reload: { act: "reload", words: "Reload the page", icon: "rotate-ccw" },
};

/** Faults that another channel, or somebody in Discord, ends. @type {Record<string, {kicker: string, lamp: "need" | "bad"}>} */
const FAULTS = {
  UNKNOWN_CHANNEL: { kicker: "The channel is gone", lamp: "need" },
  CANNOT_CONNECT: { kicker: "May not join the channel", lamp: "need" },
  CHANNEL_FULL: { kicker: "The channel is full", lamp: "need" },
  NOT_ALLOWED_TO_SPEAK: { kicker: "May not speak", lamp: "need" },
  VOICE_FAILED: { kicker: "No voice connection", lamp: "bad" },
  VOICE_REFUSED: { kicker: "Discord refused", lamp: "bad" },
};
/** Within so long a bot that restarts is back. */
const SOON_MS = 60_000;
const TRIED_AGAIN = new Set(["VOICE_FAILED", "VOICE_REFUSED"]);
/** @type {Record<string, string>} */
const CODE_OF_STATUS = { paused: "PAUSED", stopped: "STOPPED" };

/** @param {Situation} situation @returns {Look} */
export function lookOf(situation) {
  const { player, lost } = situation;
  const code = player.error?.code ?? CODE_OF_STATUS[player.status] ?? "";
  const track = player.item?.track ?? null; // what comes next is in the queue, and only there
  /** @type {Look} */
  const look = {
    lamp: "rest", cold: lost !== null, kicker: "Nothing playing", track, title: "Quiet in here", blank: "music", line: "", words: "",
    buttons: [], round: null,
  };
  Object.assign(look, lost ? whenLost(situation, track) : code ? whenSilent(code, situation, track) : whenWell(situation));
  look.round ??= look.buttons[0] ?? null;
  return look;
}

/** @param {Situation} situation @returns {Partial<Look>} */
function whenWell(situation) {
  const { player, waiting, late, can } = situation;
  if (player.status === "playing") return { lamp: "sound", kicker: "Now playing", round: BUTTONS.pause };
  if (player.item) return { lamp: "busy", kicker: "Joining voice", round: BUTTONS.pause };
  if (waiting && late) {
    const words = "The bot has not started it yet. It plays by itself as soon as the bot is there.";
    return { lamp: "need", kicker: "Waiting for the bot", words, round: BUTTONS.pause };
  }
  if (waiting) return { line: "The next track is about to start.", round: BUTTONS.pause };
  if (can?.add === false) return { line: "Nobody has added anything yet." };
  return { line: howToStart(situation, "Add a track and it starts by itself."), round: BUTTONS.add };
}

/** @param {Situation} situation @param {string} words where there is a channel to play in */
function howToStart({ player, seat }, words) {
  return player.voice_channel_id || seat ? words : "Join a voice channel or choose one above, then add a track.";
}

/** @param {string} code @param {Situation} situation @param {Track | null} track @returns {Partial<Look>} */
function whenSilent(code, situation, track) {
  const { player, waiting, positionMs, cause } = situation;
  const detail = player.error?.detail ?? "";
  switch (code) {
    case "PAUSED":
      if (track) return { kicker: "Paused", words: pausedBy(cause, "."), round: BUTTONS.resume };
      if (waiting) return { kicker: "Paused", blank: "pause", line: pausedBy(cause, ""), buttons: [BUTTONS.resume] };
      return whenPausedAndEmpty(situation);
    case "STOPPED":
      if (!track && !waiting) {
        return { kicker: "Stopped", line: howToStart(situation, "Add a track and it starts by itself."), buttons: mayAdd(situation) };
      }
      return { kicker: "Stopped", words: detail, buttons: elsewhere(situation), round: BUTTONS.resume };
    case "NO_VOICE_CHANNEL": {
      if (!track && !waiting) return whenWell(situation);
      const waits = waiting ? `; ${counted(waiting, "track")} ${waiting === 1 ? "is" : "are"} waiting` : "";
      const words = `Backline is not in a voice channel. Join one, or choose one above, and the queue starts${waits}.`;
      return { lamp: "need", kicker: "Nowhere to play", words, buttons: elsewhere(situation) };
    }
    case "BOT_AWAY": {
      const left = cause ? `The bot left at ${clockTime(new Date(cause.at))} and its queue is kept.` : "The bot is away and its queue is kept.";
      const soon = cause !== null && Date.now() - cause.at < SOON_MS;
      const when = soon ? ", usually within 10 seconds" : " as soon as the bot is back";
      const words = `${left} It continues${track ? ` at ${duration(positionMs)}` : ""} by itself${when}.`;
      return { lamp: "need", kicker: soon ? "Backline is restarting" : "Backline is away", words, round: BUTTONS.pause };
    }
    case "SERVER_MUTED":
      return { lamp: "bad", kicker: "Server muted", words: detail, buttons: [BUTTONS.keep] };
    default: {
      const { kicker, lamp } = FAULTS[code] ?? { kicker: "Cannot play", lamp: "bad" };
      const asked = code === "NOT_ALLOWED_TO_SPEAK" && isStage(situation);
      const again = TRIED_AGAIN.has(code) ? [BUTTONS.again] : [];
      return { lamp, kicker: asked ? "Raised its hand" : kicker, words: detail, buttons: [...again, ...elsewhere(situation)] };
    }
  }
}

/** @param {Situation} situation @returns {Partial<Look>} */
function whenPausedAndEmpty(situation) {
  const buttons = mayAdd(situation);
  return {
    kicker: "Paused, nothing waiting",
    title: "The queue is empty",
    blank: "pause",
    line: pausedBy(situation.cause, ""),
    words: buttons.length ? howToStart(situation, "Add a track and it starts at once. Nobody has to press play.") : "It goes on as soon as somebody adds a track.",
    buttons,
    round: buttons[0] ?? BUTTONS.resume,
  };
}

/** @param {Situation} situation @param {Track | null} track @returns {Partial<Look>} */
function whenLost({ player, positionMs, waiting: queued, lost, changes, wish }, track) {
  const { state, at, detail } = /** @type {NonNullable<Situation["lost"]>} */ (lost);
  const last = `This is the last state we saw${track ? `, at ${duration(positionMs)}` : ""}.`;
  const since = clockTime(at);
  if (state === "signed_out") {
    return { kicker: `Signed out since ${since}`, words: `You are signed out. ${last}`, buttons: [BUTTONS.login] };
  }
  if (state === "refused") {
    return { kicker: `Ended at ${since}`, words: `${detail} ${last}`.trim(), buttons: [BUTTONS.reload] };
  }
  const kept = wish === null ? "" : ` ${wish ? "Pause" : "Resume"} is kept too.`;
  const waiting = changes ? `: ${counted(changes, "change")} waiting.` : ".";
  /** @type {Button[]} */
  const shown = changes ? [{ act: "changes", words: `Show the ${counted(changes, "change")}`, icon: "eye" }] : [];
  const paused = wish ?? player.status === "paused";
  const next = paused ? BUTTONS.resume : BUTTONS.pause;
  return {
    kicker: `Offline since ${since}`,
    words: `No connection. ${last} What you add is kept and sent when you are back${waiting}${kept}`,
    buttons: [BUTTONS.reconnect, ...shown],
    round: track || queued ? { ...next, label: `${next.words}: kept and sent when you are back` } : BUTTONS.reconnect,
  };
}

/** @param {Situation} situation @returns {Button[]} */
function mayAdd({ can }) {
  return can?.add === false ? [] : [BUTTONS.add];
}

/** @param {Situation} situation @returns {Button[]} to play in a channel that is at hand, and to choose any */
function elsewhere({ player, channels, here }) {
  const offered = channels.find(({ id }) => id === here) ?? (channels.length === 1 ? channels[0] : undefined);
  /** @type {Button} */
  const choose = { act: "choose", words: "Choose a channel", icon: "chevron-down", label: "Play: choose a voice channel" };
  if (!offered || (offered.id === player.voice_channel_id && player.status !== "stopped")) return [choose];
  const name = isolated(offered.name);
  const verb = player.voice_channel_id === null ? "Join" : "Play in";
  return [
    { act: "join", words: `${verb} ${name}`, icon: "audio-lines", label: `Play in ${name}`, channelId: offered.id },
    { ...choose, words: "Other channel" },
  ];
}

/** @param {Situation} situation */
function isStage({ player, channels }) {
  return channels.some(({ id, stage }) => stage && id === player.voice_channel_id);
}

/** @param {Situation["cause"]} cause @param {string} end */
function pausedBy(cause, end) {
  return cause?.name ? `Paused by ${isolated(cause.name)} ${ago(Date.now() - cause.at)}${end}` : "";
}

/** The guild page: one store, and the views that draw it. */

import { Client } from "../../client/client.js";
import { SignedOutError } from "../../client/errors.js";
import { GuildStore } from "../../client/guild.js";
import { ActivityView } from "./activity-view.js";
import { announce, toast } from "./announce.js";
import { CONNECTION_WORDS, LOGIN_URL } from "./connection-pill.js";
import { byId, element, setText } from "./dom.js";
import { readableUrl, titleOf } from "./format.js";
import { GuildView } from "./guild-view.js";
import { PlayerView } from "./player-view.js";
import { QueueView } from "./queue-view.js";
import { SearchBox } from "./search-box.js";

/** @import { Change, ConnectionState, Player, Problem, SyncEvent } from "../../client/types.d.ts" */

const RECENT_EVENTS = 40;
const TICK_MS = 250;
const SLOW_TICK_MS = 20_000;

/** @type {HTMLSelectElement} */
const voiceChannel = byId("voice-channel");

const store = new GuildStore({
  client: new Client({ baseUrl: location.origin, userId: document.body.dataset.userId }),
  guildId: document.body.dataset.guildId ?? "",
  onChange: draw,
  onEvents: tell,
  onState: showConnection,
  onLateRefusal: (change, error) => toast(`${consequenceOf(change)} ${error.message}`),
});

const queueView = new QueueView({
  onRemove: (itemId, title) => attempt(() => store.remove(itemId), `“${title}” is still there.`),
  onFront: (itemId, title) => attempt(() => store.move(itemId, null), `“${title}” stays where it is.`),
});
const playerView = new PlayerView({
  onPause: (paused) => attempt(() => store.setPaused(paused)),
  onSkip: () => attempt(skip),
  onVolume: (volume) => attempt(() => store.setVolume(volume)),
});
const activityView = new ActivityView({ channelName });
const guildView = new GuildView();
new SearchBox({
  search: (query, signal) => store.search(query, signal),
  onAdd: (query, options) => {
    const name = options.track ? titleOf(options.track) : readableUrl(query);
    attempt(() => store.add(query, options), `“${name}” was not added.`);
  },
});

byId("queue-clear").addEventListener("click", () => attempt(() => store.clear(), "The queue stays."));
voiceChannel.addEventListener("change", async () => {
  choosingVoice = true;
  if (voiceChannel.value) await attempt(() => store.setVoiceChannel(voiceChannel.value));
  choosingVoice = false;
  draw();
});
addEventListener("online", () => store.wake());
addEventListener("offline", () => store.wake());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) store.wake();
});
setInterval(drawPosition, TICK_MS);
setInterval(() => activityView.tick(), SLOW_TICK_MS);

let choosingVoice = false;
let recentShown = false;
/** @type {ConnectionState} */
let connection = "connecting";
let recentSecond = -1;
store.start();

/** @param {Change} change that was refused */
function consequenceOf({ name, args, note }) {
  if (name === "AddTrack") return `“${note.track ? titleOf(note.track) : readableUrl(args.query)}” was not added.`;
  if (name === "RemoveItem") return `“${note.title ?? "A track"}” is still there.`;
  if (name === "MoveItem") return `“${note.title ?? "A track"}” stays where it is.`;
  return "A change was not made.";
}

/**
 * Do it; when it is refused, say why. That nobody is logged in any more is said by the connection, once.
 * @param {() => Promise<unknown>} act
 * @param {string} [consequence]
 */
async function attempt(act, consequence = "") {
  try {
    await act();
  } catch (error) {
    if (error instanceof SignedOutError) return;
    toast(`${consequence} ${/** @type {Error} */ (error).message}`.trim());
  }
}

async function skip() {
  const { vote } = await store.skip();
  if (vote) announce(`Your vote counts: ${vote.votes} of ${vote.needed} to skip`);
}

function draw() {
  drawConnection();
  const { guild, player, rows } = store;
  if (!guild || !player || !rows) return;
  if (guild.can_manage !== ("manages" in document.body.dataset)) return location.reload(); // other parts are for them
  guildView.draw(guild, store.voiceChannels);
  playerView.draw(player, rows.length, store.can, store.skipVote);
  queueView.draw(rows, player, store.positionMs, store.can);
  document.body.toggleAttribute("data-no-move", store.can?.move === false);
  drawSearch(store.can?.add !== false);
  playerView.drawPosition(player, store.positionMs);
  drawVoice(player);
}

function drawPosition() {
  const { player, rows } = store;
  if (!player || !rows || document.hidden) return;
  playerView.drawPosition(player, store.positionMs);
  const second = Math.floor(performance.now() / 1000);
  if (second === recentSecond) return;
  recentSecond = second;
  queueView.draw(rows, player, store.positionMs, store.can);
}

/** @param {boolean} mayAdd */
function drawSearch(mayAdd) {
  /** @type {HTMLInputElement} */
  const input = byId("search-input");
  input.disabled = !mayAdd;
  input.placeholder = mayAdd ? "Search the library or paste a link" : "Only some may add tracks in this server";
}

/** @param {Player} player */
function drawVoice({ voice_channel_id: id }) {
  const known = [...voiceChannel.options].some((option) => option.value === (id ?? ""));
  if (!known) voiceChannel.append(element("option", { value: id }, "Another channel"));
  if (voiceChannel.value !== (id ?? "") && !choosingVoice) voiceChannel.value = id ?? "";
  byId("voice").toggleAttribute("data-chosen", Boolean(id));
}

/** @param {string | null} id */
function channelName(id) {
  const option = [...voiceChannel.options].find((candidate) => candidate.value === id);
  return option?.textContent ?? "a voice channel";
}

/** @param {SyncEvent[]} events */
function tell(events) {
  activityView.add(events);
  for (const { name, args } of events) {
    if (name === "TrackFailed") queueView.addFailure(args.item);
    const said = sentence(name, args);
    if (said) announce(said);
  }
  draw();
}

/** @param {string} name @param {Record<string, any>} args @returns {string} empty for what need not be said */
function sentence(name, args) {
  switch (name) {
    case "TrackStarted":
      return `Now playing ${titleOf(args.item.track)}${args.item.track.artist ? ` by ${args.item.track.artist}` : ""}`;
    case "TrackAdded":
      return `${titleOf(args.item.track)} added to the queue`;
    case "TrackRemoved":
      return `${titleOf(args.item.track)} removed`;
    case "TrackSkipped":
      return `${titleOf(args.item.track)} skipped`;
    case "TrackFailed":
      return `${titleOf(args.item.track)} failed. ${args.item.error?.detail ?? ""}`;
    case "BotInstalled":
      return "The bot has joined this server";
    case "BotRemoved":
      return "The bot was removed from this server";
    case "TrackMoved":
      return `${titleOf(args.item.track)} moved`;
    case "QueueCleared":
      return "The queue was cleared";
    case "SkipVoted":
      return `${args.votes} of ${args.needed} votes to skip`;
    case "PlayerPaused":
      return "Paused";
    case "PlayerResumed":
      return "Playing again";
    default:
      return "";
  }
}

function drawConnection() {
  const pill = byId("connection");
  const words = pill.children[1];
  const waiting = changesWaiting(store.pendingCount);
  pill.dataset.state = connection;
  if (connection === "signed_out") {
    const key = `signed_out ${waiting}`;
    if (pill.dataset.drawn === key) return;
    pill.dataset.drawn = key;
    const rest = waiting ? ` to send ${waiting.replace(" waiting", "")}` : "";
    const said = element("span", { class: "wide" }, rest);
    words.replaceChildren("Signed out. ", element("a", { href: LOGIN_URL }, "Log in"), said);
  } else {
    delete pill.dataset.drawn;
    setText(words, connection === "live" || !waiting ? CONNECTION_WORDS[connection] : waiting);
  }
}

/** @param {number} count */
function changesWaiting(count) {
  return count ? `${count} change${count === 1 ? "" : "s"} waiting` : "";
}

/** @param {ConnectionState} state @param {Problem | null} problem */
async function showConnection(state, problem) {
  connection = state;
  byId("connection").title = problem?.detail ?? (state === "waiting" ? CONNECTION_WORDS.waiting : "");
  drawConnection();
  if (state !== "connecting") announce(state === "live" ? "Connected, live" : problem?.detail ?? CONNECTION_WORDS[state]);
  if (state === "live" && !recentShown) {
    recentShown = true;
    await attempt(async () => activityView.addPast(await store.readRecent(RECENT_EVENTS)));
  }
}

/** The guild page: one store, and the views that draw it. */

import { Client } from "../client/client.js";
import { NetworkError, SignedOutError } from "../client/errors.js";
import { GuildStore } from "../client/guild.js";
import { ActivityView } from "./activity-view.js";
import { announce, toast } from "../backline/js/announce.js";
import { CONNECTION_WORDS, LOGIN_URL } from "../backline/js/connection-pill.js";
import { byId, element, setText } from "../backline/js/dom.js";
import { counted, isolated, readableUrl, titleOf } from "../backline/js/format.js";
import { GuildView } from "../guilds/guild-view.js";
import { lookOf } from "./player-look.js";
import { PlayerPast } from "./player-past.js";
import { PlayerView } from "./player-view.js";
import { QueueView } from "./queue-view.js";
import { reasonOf } from "../backline/js/refusal.js";
import { SearchBox } from "./search-box.js";

/** @import { Change, ConnectionState, GuildSyncEvent, Player, Problem } from "../client/types.d.ts" */
/** @import { Button } from "./player-look.js" */

const RECENT_EVENTS = 40;
const TICK_MS = 250;
const SLOW_TICK_MS = 20_000;
/** A track that could start does so within a second; after so long the bot is not there. */
const LATE_MS = 10_000;
/** A pause that was wanted while there was no connection is not wanted an hour later. */
const WISH_KEPT_MS = 600_000;

/** @type {HTMLSelectElement} */
const voiceChannel = byId("voice-channel");
/** @type {HTMLInputElement} */
const searchInput = byId("search-input");

const store = new GuildStore({
  client: new Client({ baseUrl: location.origin, userId: document.body.dataset.userId }),
  guildId: document.body.dataset.guildId ?? "",
  onChange: draw,
  onEvents: tell,
  onReset: forgetRecent,
  onState: showConnection,
  onLateRefusal: (change, error) => toast(`${consequenceOf(change)} ${error.message}`),
});

const queueView = new QueueView({
  remove: (itemId, title) => attempt(() => store.remove(itemId), `“${isolated(title)}” is still there.`),
  front: (itemId, title) => attempt(() => store.move(itemId, null), `“${isolated(title)}” stays where it is.`),
  retry: (itemId, title) => attempt(() => store.retry(itemId), `“${isolated(title)}” was not added again.`),
});
const playerView = new PlayerView({
  onPress: press,
  onSkip: () => attempt(skip),
  onVolume: (volume) => attempt(() => store.setVolume(volume)),
});
const activityView = new ActivityView({ channelName });
const guildView = new GuildView();
const past = new PlayerPast();
new SearchBox({
  search: (query, signal) => store.search(query, signal),
  isLive: () => connection === "live",
  onAdd: (query, options) => {
    const name = options.track ? titleOf(options.track) : readableUrl(query);
    attempt(() => store.add(query, options), `“${isolated(name)}” was not added.`);
  },
});

const showMore = () => attempt(() => store.loadMore(), "The rest of the queue was not loaded.");
byId("queue-more").addEventListener("click", showMore);
new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting) showMore(); }, { rootMargin: "600px" })
  .observe(byId("queue-more"));
byId("queue-clear").addEventListener("click", () => attempt(() => store.clear(), "The queue stays."));
voiceChannel.addEventListener("change", async () => {
  choosingVoice = true;
  await chooseChannel(voiceChannel.value || null);
  choosingVoice = false;
  draw();
});
addEventListener("online", () => store.wake());
addEventListener("offline", () => store.wake());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  store.wake();
  lookForSeat(); // perhaps one has just been in Discord, and joined a channel there
});
setInterval(drawPosition, TICK_MS);
setInterval(() => {
  activityView.tick();
  draw();
  if (!document.hidden && !store.player?.voice_channel_id) lookForSeat();
}, SLOW_TICK_MS);

let choosingVoice = false;
/** The channel that was chosen here, until the bot is in it or cannot enter it. @type {string | null} */
let chosenChannel = null;
/** Whether the page was live before, and whether the feed shows what had happened until then. */
let wasLive = false;
let recentShown = false;
/** How often the feed was emptied: what was asked for before is not shown after. */
let reads = 0;
/** @type {ConnectionState} */
let connection = "connecting";
/** Since when nothing is heard of the server, once it was. @type {{state: ConnectionState, at: Date, detail: string} | null} */
let lost = null;
/** To pause or to resume, as soon as the connection is back. @type {{paused: boolean, at: number} | null} */
let wish = null;
/** The voice channel that this person sits in, as far as known. @type {string | null} */
let seat = null;
let seatAskedFor = "";
/** Since when tracks wait and none of them is started, though nothing is said to be wrong. @type {number | null} */
let waitingSince = null;
let recentSecond = -1;
store.start();

/** @param {Change} change that was refused */
function consequenceOf({ name, args, note }) {
  const title = isolated(note.title ?? "A track");
  if (name === "AddTrack") return `“${isolated(note.track ? titleOf(note.track) : readableUrl(args.query))}” was not added.`;
  if (name === "RetryItem") return `“${title}” was not added again.`;
  if (name === "RemoveItem") return `“${title}” is still there.`;
  if (name === "MoveItem") return `“${title}” stays where it is.`;
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
    toast(`${consequence} ${reasonOf(error)}`.trim());
  }
}

async function skip() {
  const { vote } = (await store.skip()).result;
  if (vote) announce(`Your vote counts: ${vote.votes} of ${vote.needed} to skip`);
}

/** @param {Button} button of the player's state */
async function press({ act, channelId }) {
  switch (act) {
    case "pause":
    case "resume":
      if (lost) keepWish(act === "pause");
      else await attempt(() => store.setPaused(act === "pause"));
      break;
    case "join":
      await chooseChannel(channelId ?? null);
      break;
    case "choose":
      openChannels();
      break;
    case "add":
      searchInput.focus();
      searchInput.scrollIntoView({ block: "center" });
      break;
    case "reconnect":
      announce("Trying again");
      store.wake();
      break;
    case "changes":
      queueView.showChanges();
      break;
    case "login":
      location.assign(LOGIN_URL);
      break;
    case "reload":
      location.reload();
      break;
  }
}

/** @param {string | null} channelId */
function chooseChannel(channelId) {
  chosenChannel = channelId;
  return attempt(() => store.setVoiceChannel(channelId));
}

/**
 * Say why the bot cannot enter the channel that was chosen here: it may be back in the last one before one can read
 * that beside the player.
 * @param {GuildSyncEvent} event
 */
function followChosen({ name, args }) {
  if (!chosenChannel || !("player" in args)) return;
  if (args.player.voice_channel_id !== chosenChannel) return;
  if (name === "PlayerErrorChanged" && args.player.error) toast(args.player.error.detail);
  if (name !== "VoiceJoined") chosenChannel = null;
}

function openChannels() {
  voiceChannel.focus();
  try {
    voiceChannel.showPicker();
  } catch (error) {
    // A browser that has none, or gives it to a direct press only: the focus is where one chooses.
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
  }
}

/** @param {boolean} paused */
function keepWish(paused) {
  const already = store.player?.status === "paused";
  wish = paused === already ? null : { paused, at: performance.now() };
  announce(wish ? `${paused ? "Pause" : "Resume"} is kept, and sent when you are back` : "Taken back");
  draw();
}

async function sendWish() {
  const kept = wish;
  wish = null;
  if (kept && performance.now() - kept.at < WISH_KEPT_MS) await attempt(() => store.setPaused(kept.paused));
}

/** Where one sits is offered as a place to play. */
async function lookForSeat() {
  if (lost || !store.player || store.player.status === "playing") return;
  const found = await store.readSeat().catch(() => null);
  if (found === seat) return;
  seat = found;
  draw();
}

function draw() {
  drawConnection();
  const { guild, player, rows } = store;
  if (!guild || !player || !rows) return;
  if (guild.can_manage !== ("manages" in document.body.dataset)) return location.reload(); // other parts are for them
  guildView.draw(guild, store.voiceChannels);
  const waiting = store.queueTotal;
  waitingSince = waiting && player.status === "idle" && !player.error ? waitingSince ?? performance.now() : null;
  playerView.draw(lookOf({
    player,
    positionMs: store.positionMs,
    waiting,
    late: waitingSince !== null && performance.now() - waitingSince > LATE_MS,
    can: store.can,
    channels: store.voiceChannels,
    seat,
    here: seat ?? past.channelId,
    cause: past.causeOf(player),
    lost,
    changes: store.pendingCount + (wish ? 1 : 0),
    wish: wish?.paused ?? null,
  }), player, store.can, store.skipVote);
  drawQueue();
  document.body.toggleAttribute("data-no-move", store.can?.move === false);
  drawSearch(store.can?.add !== false);
  playerView.drawPosition(player, store.positionMs);
  drawVoice(player);
  const trouble = player.status === "playing" || player.status === "paused" ? "" : player.error?.code ?? player.status;
  if (trouble !== seatAskedFor) {
    seatAskedFor = trouble;
    if (trouble) lookForSeat();
  }
}

function drawQueue() {
  const { player, rows, queueTotal: total, hasMore, failed, positionMs, can } = store;
  if (player && rows) queueView.draw({ rows, total, hasMore, failed, player, positionMs, live: !lost, can });
}

function drawPosition() {
  const { player } = store;
  if (!player || document.hidden) return;
  playerView.drawPosition(player, store.positionMs);
  const second = Math.floor(performance.now() / 1000);
  if (second === recentSecond) return;
  recentSecond = second;
  drawQueue();
}

/** @param {boolean} mayAdd */
function drawSearch(mayAdd) {
  searchInput.disabled = !mayAdd;
  searchInput.placeholder = mayAdd ? "Search the library or paste a link" : "Only some may add tracks in this server";
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

/** @param {GuildSyncEvent[]} events */
function tell(events) {
  activityView.add(events);
  past.add(events);
  for (const event of events) {
    followChosen(event);
    const said = sentence(event);
    if (said) announce(said);
  }
  draw();
}

/** @param {GuildSyncEvent} event @returns {string} empty for what need not be said */
function sentence({ name, args }) {
  switch (name) {
    case "TrackStarted":
      return `Now playing ${titleOf(args.item.track)}${args.item.track.artist ? ` by ${args.item.track.artist}` : ""}`;
    case "TrackAdded":
      return `${titleOf(args.item.track)} added to the queue`;
    case "TrackRemoved":
      if (args.why) return args.why === "cleared" ? "The queue was cleared" : "";
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
  const changes = store.pendingCount + (wish ? 1 : 0);
  const waiting = changes ? `${counted(changes, "change")} waiting` : "";
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

/** @param {ConnectionState} state @param {Problem | null} problem */
async function showConnection(state, problem) {
  connection = state;
  lost = lostNow(state, problem);
  byId("connection").title = problem?.detail ?? (state === "waiting" ? CONNECTION_WORDS.waiting : "");
  draw();
  if (state !== "connecting") announce(state === "live" ? "Connected, live" : problem?.detail ?? CONNECTION_WORDS[state]);
  if (state !== "live") return;
  wasLive = true;
  await sendWish();
  await showRecent();
}

/** Some events were missed: the feed is read anew as soon as the page is live. */
function forgetRecent() {
  recentShown = false;
  reads += 1;
  activityView.clear();
}

async function showRecent() {
  if (recentShown) return;
  recentShown = true;
  const read = reads;
  try {
    const events = await store.readRecent(RECENT_EVENTS);
    if (read !== reads) return; // of before the feed was emptied
    activityView.addPast(events);
    byId("activity-empty").hidden = false;
    past.add(events);
    draw();
  } catch (error) {
    if (read === reads) recentShown = false; // read again as soon as the connection is back
    if (!(error instanceof NetworkError)) toast(/** @type {Error} */ (error).message);
  }
}

/** The first attempt to connect is no loss yet. @param {ConnectionState} state @param {Problem | null} problem */
function lostNow(state, problem) {
  if (state === "live" || (state === "connecting" && !lost && !wasLive)) return null;
  return { state, at: lost?.at ?? new Date(), detail: problem?.detail ?? "" };
}

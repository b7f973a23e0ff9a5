/** The guild page: one store, and the views that draw it. */

import { Client } from "../client/client.js";
import { NetworkError } from "../client/errors.js";
import { GuildStore } from "../client/guild.js";
import { IndexedDbSnapshots, clearSnapshots } from "../client/snapshots.js";
import { announcementOf } from "./announcements.js";
import { attempt, consequence, consequenceOf } from "./attempts.js";
import { acceptProposal, announce, toast } from "../backline/js/announce.js";
import { CONNECTION_WORDS, LOGIN_URL } from "../backline/js/connection-pill.js";
import { byId, element, setText } from "../backline/js/dom.js";
import { readableUrl, titleOf } from "../backline/js/format.js";
import { gettext, interpolate, ngettext } from "../backline/js/i18n.js";
import { GuildView } from "../guilds/guild-view.js";
import { Hearts } from "./hearts.js";
import { MediaKeys } from "./media-keys.js";
import { lookOf } from "./player-look.js";
import { PlayerPast } from "./player-past.js";
import { PlayerView } from "./player-view.js";
import { QueueRoom } from "./queue-room.js";
import { Shortcuts } from "./shortcuts.js";
import { reasonOf } from "../backline/js/refusal.js";
import { SearchBox } from "./search-box.js";
import { reveal, showTab } from "./tabs.js";
import { Turns } from "./turns.js";

/** @import { ConnectionState, GuildSyncEvent, Player, Problem } from "../client/types.d.ts" */
/** @import { Button } from "./player-look.js" */

const RECENT_EVENTS = 40;
const TICK_MS = 250;
const SLOW_TICK_MS = 20_000;
/** A track that can start does so within a second. After this time the bot must be offline. */
const LATE_MS = 10_000;
/** A press of pause or resume without a connection is dropped after this time. */
const WISH_KEPT_MS = 600_000;

/** @type {HTMLSelectElement} */
const voiceChannel = byId("voice-channel");
/** @type {HTMLInputElement} */
const searchInput = byId("search-input");

const client = new Client({ baseUrl: location.origin, userId: document.body.dataset.userId });
const hearts = new Hearts({ rest: client.rest, attempt });
const store = new GuildStore({
  client,
  snapshots: new IndexedDbSnapshots(document.body.dataset.userId ?? ""),
  guildId: document.body.dataset.guildId ?? "",
  onChange: draw,
  onEvents: tell,
  onReset: forgetRecent,
  onState: showConnection,
  onLateRefusal: (change, error) => toast(`${consequenceOf(change)} ${reasonOf(error)}`),
});

const playerView = new PlayerView({
  onPress: press,
  onSkip: () => attempt(skip),
  onVolume: (volume) => attempt(() => store.setVolume(volume)),
  onSeek: (positionMs) => attempt(() => store.seek(positionMs)),
  onPrevious: () => attempt(() => store.previous()),
  onReplay: () => attempt(() => store.replay()),
  onStop: () => attempt(() => store.stopPlayback()),
  onLoop: (loop) => attempt(() => store.setLoop(loop)),
});
const mediaKeys = new MediaKeys({
  play: () => setPaused(false),
  pause: () => setPaused(true),
  next: () => attempt(skip),
  previous: () => attempt(() => store.previous()),
  seek: (positionMs) => attempt(() => store.seek(positionMs)),
});
const turns = new Turns({ store, channelName });
const guildView = new GuildView();
const past = new PlayerPast();
new SearchBox({
  search: (query, signal) => store.search(query, signal),
  isLive: () => connection === "live",
  onAdd: (query, options) => {
    const name = options.track ? titleOf(options.track) : readableUrl(query);
    attempt(() => store.add(query, options), consequence("AddTrack", name));
  },
});

const go = (/** @type {string} */ path) => () => location.assign(path);
const shortcuts = new Shortcuts({
  "/": () => {
    reveal(searchInput);
    searchInput.focus();
    searchInput.select();
  },
  " ": () => playerView.press("round"),
  n: () => playerView.press("skip"),
  p: () => playerView.press("previous"),
  l: () => playerView.press("loop"),
  s: () => byId("shuffle").click(),
  u: () => { if (!acceptProposal()) byId("undo").click(); },
  "[": () => playerView.stepVolume(-1),
  "]": () => playerView.stepVolume(1),
  "?": () => shortcuts.show(),
  "g q": go(location.pathname),
  "g l": go("/library"),
  "g h": go(`${location.pathname}/history`),
});
const queueRoom = new QueueRoom({ store, rest: client.rest, hearts, showShortcuts: shortcuts.show });
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
  lookForSeat(); // the viewer may have joined a channel in Discord just now
});
setInterval(drawPosition, TICK_MS);
setInterval(() => {
  turns.feed.tick();
  draw();
  if (!document.hidden && !store.player?.voice_channel_id) lookForSeat();
}, SLOW_TICK_MS);

let choosingVoice = false;
/** The channel that was chosen here, until the bot has joined it or failed to. @type {string | null} */
let chosenChannel = null;
/** Whether the page was live before, and whether the feed shows the events before that. */
let wasLive = false;
let recentShown = false;
/** Counts how often the feed was emptied: answers to earlier requests are dropped. */
let reads = 0;
/** @type {ConnectionState} */
let connection = "connecting";
/** The lost connection, and since when. @type {{state: ConnectionState, at: Date, detail: string} | null} */
let lost = null;
/** Pause or resume, to be sent when the connection is back. @type {{paused: boolean, at: number} | null} */
let wish = null;
/** The voice channel this person is in, if known. @type {string | null} */
let seat = null;
let seatAskedFor = "";
/** Since when tracks are waiting and none starts, without a reported error. @type {number | null} */
let waitingSince = null;
let recentSecond = -1;
store.start();

async function skip() {
  const { vote } = (await store.skip()).result;
  if (vote) announce(interpolate(gettext("You voted to skip: %(votes)s of %(needed)s votes"), { ...vote }));
}

/** @param {boolean} paused */
async function setPaused(paused) {
  if (lost) keepWish(paused);
  else await attempt(() => store.setPaused(paused));
}

/** @param {Button} button of the player's state */
async function press({ act, channelId }) {
  switch (act) {
    case "pause":
    case "resume":
      await setPaused(act === "pause");
      break;
    case "join":
      await chooseChannel(channelId ?? null);
      break;
    case "choose":
      openChannels();
      break;
    case "add":
      reveal(searchInput);
      searchInput.focus();
      searchInput.scrollIntoView({ block: "center" });
      break;
    case "reconnect":
      announce(gettext("Reconnecting"));
      store.wake();
      break;
    case "changes":
      showTab("queue");
      queueRoom.showChanges();
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
 * Show why the bot cannot join the channel that was chosen here: it may be back in the last channel before anybody
 * can read the reason beside the player.
 * @param {GuildSyncEvent} event
 */
function followChosen({ name, args }) {
  if (!chosenChannel || !("player" in args)) return;
  if (args.player.voice_channel_id !== chosenChannel) return;
  if (name === "PlayerErrorChanged" && args.player.error) toast(args.player.error.detail);
  if (name !== "VoiceJoined") chosenChannel = null;
}

function openChannels() {
  reveal(voiceChannel);
  voiceChannel.focus();
  try {
    voiceChannel.showPicker();
  } catch (error) {
    // The browser has no picker, or opens it on a direct press only. The list has the focus.
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
  }
}

/** @param {boolean} paused */
function keepWish(paused) {
  const already = store.player?.status === "paused";
  wish = paused === already ? null : { paused, at: performance.now() };
  announce(wish ? wishWords(paused) : gettext("Change undone"));
  draw();
}

/** @param {boolean} paused */
function wishWords(paused) {
  return paused ? gettext("Playback will pause when you are back online") : gettext("Playback will resume when you are back online");
}

async function sendWish() {
  const kept = wish;
  wish = null;
  if (kept && performance.now() - kept.at < WISH_KEPT_MS) await attempt(() => store.setPaused(kept.paused));
}

/** Read the voice channel this person is in, to offer it for playback. */
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
  if (guild.can_manage !== ("manages" in document.body.dataset)) return location.reload(); // managers get other parts of the page
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
  hearts.fill(byId("heart"), player.item?.track ?? null);
  queueRoom.draw(!lost);
  turns.draw();
  document.body.toggleAttribute("data-no-move", store.can?.move === false);
  drawSearch(store.can?.add !== false);
  playerView.drawPosition(store.positionMs);
  mediaKeys.draw(player, store.positionMs, !lost);
  drawVoice(player);
  const trouble = player.status === "playing" || player.status === "paused" ? "" : player.error?.code ?? player.status;
  if (trouble !== seatAskedFor) {
    seatAskedFor = trouble;
    if (trouble) lookForSeat();
  }
}

function drawPosition() {
  const { player } = store;
  if (!player || document.hidden) return;
  playerView.drawPosition(store.positionMs);
  const second = Math.floor(performance.now() / 1000);
  if (second === recentSecond) return;
  recentSecond = second;
  queueRoom.draw(!lost);
}

/** @param {boolean} mayAdd */
function drawSearch(mayAdd) {
  searchInput.disabled = !mayAdd;
  searchInput.placeholder = mayAdd ? gettext("Search the library or paste a link") : gettext("You do not have permission to add tracks");
}

/** @param {Player} player */
function drawVoice({ voice_channel_id: id }) {
  const known = [...voiceChannel.options].some((option) => option.value === (id ?? ""));
  if (!known) voiceChannel.append(element("option", { value: id }, gettext("Another channel")));
  if (voiceChannel.value !== (id ?? "") && !choosingVoice) voiceChannel.value = id ?? "";
  byId("voice").toggleAttribute("data-chosen", Boolean(id));
}

/** @param {string | null} id */
function channelName(id) {
  const option = [...voiceChannel.options].find((candidate) => candidate.value === id);
  return option?.textContent ?? gettext("a voice channel");
}

/** @param {GuildSyncEvent[]} events */
function tell(events) {
  const offerUndo = turns.follow(events, document.body.dataset.userId);
  past.add(events);
  for (const event of events) {
    followChosen(event);
    const text = announcementOf(event);
    if (text) announce(text);
  }
  draw();
  offerUndo();
}

function drawConnection() {
  const pill = byId("connection");
  const words = pill.children[1];
  const count = store.pendingCount + (wish ? 1 : 0);
  const unsent = count ? interpolate(ngettext("%(count)s unsent change", "%(count)s unsent changes", count), { count }) : "";
  pill.dataset.state = connection;
  if (connection === "signed_out") {
    const key = `signed_out ${unsent}`;
    if (pill.dataset.drawn === key) return;
    pill.dataset.drawn = key;
    const rest = element("span", { class: "wide" }, unsent && ` · ${unsent}`);
    words.replaceChildren(gettext("Logged out."), " ", element("a", { href: LOGIN_URL }, gettext("Log in")), rest);
  } else {
    delete pill.dataset.drawn;
    setText(words, connection === "live" || !unsent ? CONNECTION_WORDS[connection] : unsent);
  }
}

/** @param {ConnectionState} state @param {Problem | null} problem */
async function showConnection(state, problem) {
  connection = state;
  lost = lostNow(state, problem);
  byId("connection").title = problem?.detail ?? (state === "waiting" ? CONNECTION_WORDS.waiting : "");
  draw();
  if (state !== "connecting") announce(state === "live" ? gettext("Connected") : problem?.detail ?? CONNECTION_WORDS[state]);
  if (state === "signed_out") clearSnapshots();
  if (state !== "live") return;
  wasLive = true;
  turns.refresh();
  await sendWish();
  await showRecent();
}

/** Empty the feed after missed events. It is read again when the page is live. */
function forgetRecent() {
  recentShown = false;
  reads += 1;
  turns.feed.clear();
}

async function showRecent() {
  if (recentShown) return;
  recentShown = true;
  const read = reads;
  try {
    const events = await store.readRecent(RECENT_EVENTS);
    if (read !== reads) return; // the feed was emptied meanwhile
    turns.feed.addPast(events);
    byId("activity-empty").hidden = false;
    past.add(events);
    draw();
  } catch (error) {
    if (read === reads) recentShown = false; // read again as soon as the connection is back
    if (!(error instanceof NetworkError)) toast(reasonOf(error));
  }
}

/** The first attempt to connect does not count as lost. @param {ConnectionState} state @param {Problem | null} problem */
function lostNow(state, problem) {
  if (state === "live" || (state === "connecting" && !lost && !wasLive)) return null;
  return { state, at: lost?.at ?? store.keptAt ?? new Date(), detail: problem?.detail ?? "" };
}

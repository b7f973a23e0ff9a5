import { CommandRules } from "./command-rules.js";
import { Composer } from "./composer.js";
import { byId, el, post, toast } from "./dom.js";
import { Listener } from "./listen.js";
import { avatar, nameOf, renderMessage } from "./messages.js";

const TEXT = [0, 5];
const VOICE = [2, 13];
const SLASH = 1, OF_USERS = 2, OF_MESSAGES = 3; // types of commands

/** @type {any} the response of /_sandbox/state for this user */
let state = null;
let user = localStorage.getItem("user") ?? "member";
let channelId = localStorage.getItem("channel") ?? "";
/** @type {EventSource | null} */
let feed = null;

const listener = new Listener();
const rules = new CommandRules(() => state);

const channel = () => state?.channels.find((/** @type {any} */ each) => each.id === channelId);
const guild = () => state?.guilds.find((/** @type {any} */ each) => each.id === channel()?.guild_id);
const me = () => state.users.find((/** @type {any} */ each) => each.username === user);
const botId = () => state.users.find((/** @type {any} */ each) => each.bot).id;

/** @param {number} type @returns {any[]} the commands of that type that the user may use here */
const commands = (type) => guild()?.bot_installed
  ? state.commands.filter((/** @type {any} */ each) => each.type === type && [undefined, guild().id].includes(each.guild_id))
  : [];

const composer = new Composer(
  () => ({
    user,
    guildId: guild()?.id ?? "",
    channelId,
    commands: commands(SLASH),
    members: guild()?.members ?? [],
    channels: (state?.channels ?? []).filter((/** @type {any} */ each) => each.guild_id === guild()?.id),
    roles: guild()?.roles ?? [],
  }),
  (work) => work.catch((error) => toast(error.message)),
);

let loading = false;
/** Whether an event arrived while the state was loading, which may be older than the event. */
let stale = false;

/** Load the state again: at the start, for another user, and after a lost connection. */
async function load() {
  stale = true;
  if (loading) return;
  loading = true;
  try {
    while (stale) {
      stale = false;
      await read();
    }
  } finally {
    loading = false;
  }
}

async function read() {
  try {
    const answer = await fetch(`/_sandbox/state?user=${encodeURIComponent(user)}`);
    if (!answer.ok) { user = "member"; return; }
    state = await answer.json();
  } catch {
    return; // the feed breaks as well, and loads the state when it reconnects
  }
  if (!channel()) channelId = state.channels.find((/** @type {any} */ each) => TEXT.includes(each.type))?.id ?? "";
  draw();
  composer.refresh();
}

function listen() {
  feed?.close();
  feed = new EventSource(`/_sandbox/feed?user=${encodeURIComponent(user)}`);
  feed.onopen = () => void load(); // also after a reconnect: the state includes the missed events
  feed.onerror = () => drawTrouble("Connection lost: Backline and its sandbox are not responding. Retrying…");
  feed.onmessage = (message) => {
    if (loading) stale = true;
    if (state) hear(JSON.parse(message.data));
  };
}

/** @param {{ t: string, d: any }} event */
function hear({ t, d }) {
  if (t === "MESSAGE_CREATE") {
    state.messages.push(d);
    if (d.channel_id === channelId) drawMessages();
  } else if (t === "MESSAGE_UPDATE") {
    const at = state.messages.findIndex((/** @type {any} */ each) => each.id === d.id);
    if (at >= 0) state.messages[at] = d;
    if (d.channel_id === channelId) drawMessages();
  } else if (t === "MESSAGE_DELETE") {
    state.messages = state.messages.filter((/** @type {any} */ each) => each.id !== d.id);
    if (d.channel_id === channelId) drawMessages();
  } else if (t === "VOICE_STATE_UPDATE") {
    state.voice_states = state.voice_states.filter(
      (/** @type {any} */ each) => each.user_id !== d.user_id || each.guild_id !== d.guild_id,
    );
    if (d.channel_id) state.voice_states.push(d);
    drawSide();
  } else if (t !== "TYPING_START") {
    void load();
  }
}

/** @param {string} words the problem to show; empty when there is none */
function drawTrouble(words) {
  const trouble = byId("trouble");
  if (trouble.textContent !== words) trouble.textContent = words;
  trouble.hidden = !words;
}

function draw() {
  const online = state.gateway.some((/** @type {any} */ each) => each.connected);
  drawTrouble(online ? "" : "Backline is offline: its bot is not connected. Commands will not work until it reconnects.");
  byId("user").replaceChildren(...state.users
    .filter((/** @type {any} */ each) => !each.bot)
    .map((/** @type {any} */ each) => el("option", { value: each.username, selected: each.username === user }, `${nameOf(each)} (${each.username})`)));
  const languages = new Intl.DisplayNames(["en"], { type: "language" });
  byId("locale").replaceChildren(...state.locales
    .map((/** @type {string} */ each) => el("option", { value: each, selected: each === state.locale }, languages.of(each) ?? each)));
  drawSide();
  drawMessages();
  const place = channel();
  byId("channel-name").textContent = place ? `# ${place.name}` : "No server";
  byId("channel-topic").textContent = place ? place.topic ?? "" : "This user is not in a server. Choose another user above.";
  byId("composer").hidden = !place;
  if (byId("rules").open) rules.draw();
  document.title = place ? `#${place.name} · Sandbox Discord` : "Sandbox Discord";
}

function drawSide() {
  byId("side").replaceChildren(...state.guilds.map(drawGuild));
  const bot = state.voice_states.find((/** @type {any} */ each) => each.user_id === botId() && each.guild_id === guild()?.id);
  const where = bot && state.channels.find((/** @type {any} */ each) => each.id === bot.channel_id);
  listener.place(guild()?.id ?? null, where?.name ?? "");
}

/** @param {string} guildId @returns {string} what the bot's profile says to this server */
function presenceIn(guildId) {
  const shard = state.gateway.find((/** @type {any} */ each) => each.connected && Number((BigInt(guildId) >> 22n) % BigInt(each.shard[1])) === each.shard[0]);
  return shard?.presence.said ? ` · ${shard.presence.said}` : "";
}

/** @param {any} each */
function drawGuild(each) {
  const channels = state.channels.filter((/** @type {any} */ one) => one.guild_id === each.id);
  /** @param {number[]} types */
  const ofType = (types) => channels.filter((/** @type {any} */ one) => types.includes(one.type));
  return el(
    "section",
    {},
    el("h2", {}, each.name, el("small", {}, each.bot_installed ? `bot installed${presenceIn(each.id)}` : "bot not installed")),
    each.integration && el("button.quiet", { type: "button", onclick: () => rules.open(each) }, "Command permissions"),
    el("h3", {}, "Text"),
    ...ofType(TEXT).map((/** @type {any} */ one) => el(
      "button.channel",
      { type: "button", "aria-current": one.id === channelId, onclick: () => go(one.id) },
      el("span", { "aria-hidden": "true" }, "#"),
      one.name,
      one.type === 5 && el("small", {}, "announcements"),
    )),
    el("h3", {}, "Voice"),
    ...ofType(VOICE).flatMap(drawVoiceChannel),
  );
}

/** @param {any} one @returns {HTMLElement[]} */
function drawVoiceChannel(one) {
  const sitting = state.voice_states.filter((/** @type {any} */ each) => each.channel_id === one.id);
  const here = sitting.some((/** @type {any} */ each) => each.user_id === me().id);
  return [
    el(
      "div.voice",
      {},
      el("span", {}, one.name, one.status && el("small", {}, one.status)),
      el("input", {
        type: "number", min: "0", max: "99", value: one.user_limit || "", placeholder: "∞",
        "aria-label": `User limit of ${one.name}`, title: "User limit",
        onchange: (/** @type {any} */ event) => limit(one, Number(event.target.value)),
      }),
      el("button", { type: "button", "aria-label": `${here ? "Leave" : "Join"} ${one.name}`, onclick: () => move(here ? null : one.id) }, here ? "Leave" : "Join"),
    ),
    el(
      "ul.sitting",
      {},
      ...sitting.map((/** @type {any} */ each) => el(
        "li",
        each.user_id === botId() ? { "data-bot": "true" } : {},
        avatar(each.member.user, state.users, true),
        el("span", {}, nameOf(each.member.user), el("small", {}, conditions(each))),
        each.user_id === botId() && moderation(each, "mute", each.mute, "Mute", "Unmute"),
        each.user_id === botId() && moderation(each, "suppress", each.suppress, "Suppress", "Let speak"),
      )),
    ),
  ];
}

/** @param {any} each a voice state @returns {string} why the user is not heard or does not hear */
function conditions(each) {
  return [
    each.mute && "muted",
    each.deaf && "deafened",
    each.suppress && "may not speak",
    each.request_to_speak_timestamp && "hand raised",
    each.self_mute && "self-muted",
  ].filter(Boolean).join(", ");
}

/** @param {any} each @param {"mute" | "suppress"} what @param {boolean} on @param {string} begin @param {string} end */
function moderation(each, what, on, begin, end) {
  return el("button.quiet", {
    type: "button",
    "aria-label": `${on ? end : begin} ${nameOf(each.member.user)}`,
    onclick: () => post("/_sandbox/voice-state", { user: each.user_id, guild_id: each.guild_id, [what]: !on })
      .catch((error) => toast(error.message)),
  }, on ? end : begin);
}

/** @param {any} one a voice channel @param {number} users the limit; 0 for none */
function limit(one, users) {
  post(`/_sandbox/guilds/${one.guild_id}`, { change: "edit_channel", channel_id: one.id, user_limit: users })
    .catch((error) => { toast(error.message); void load(); });
}

let readsTheEnd = true;

/** Keep the newest message in view: images load after their message and would push it out. */
function stayAtTheEnd() {
  const list = byId("messages");
  let before = 0;
  list.addEventListener("scroll", () => {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    // Only people scroll up. Browsers scroll down when the content above grows.
    readsTheEnd = atEnd || (readsTheEnd && list.scrollTop >= before);
    before = list.scrollTop;
  });
  list.addEventListener("load", () => {
    if (readsTheEnd) list.scrollTop = list.scrollHeight;
  }, true);
}

function drawMessages() {
  const list = byId("messages");
  const context = { users: state.users, roles: state.guilds.flatMap((guild) => guild.roles), channels: state.channels, press, menu };
  const shown = state.messages.filter((/** @type {any} */ each) => each.channel_id === channelId);
  list.replaceChildren(...(shown.length
    ? shown.map((/** @type {any} */ each) => renderMessage(each, context))
    : [el("li.empty", {}, guild()?.bot_installed ? "No messages yet. Type / to see Backline's commands." : "No messages yet.")]));
  if (readsTheEnd) list.scrollTop = list.scrollHeight;
}

/** @param {string} id */
function go(id) {
  channelId = id;
  localStorage.setItem("channel", id);
  openSide(false);
  draw();
  byId("messages").scrollTop = byId("messages").scrollHeight;
}

/** @param {string | null} id */
function move(id) {
  post("/_sandbox/voice-state", { user, channel_id: id }).catch((error) => toast(error.message));
}

/** @param {any} message @returns {{ label: string, act: () => void }[]} what its menu offers: the bot's commands */
function menu(message) {
  if (message.flags & 64) return []; // Discord has none for ephemeral messages
  const where = { user, guild_id: guild()?.id, channel_id: channelId };
  /** @param {any} command @param {string} target */
  const use = (command, target) => () => post("/_sandbox/interactions", { ...where, command: command.name, target_id: target })
    .catch((error) => toast(error.message));
  const own = message.author.id === me().id;
  return [
    ...commands(OF_MESSAGES).map((each) => ({ label: each.name, act: use(each, message.id) })),
    ...commands(OF_USERS).map((each) => ({ label: `${each.name}: ${nameOf(message.author)}`, act: use(each, message.author.id) })),
    ...(own ? [{ label: "Delete message", act: () => remove(message) }] : []),
  ];
}

/** @param {any} message */
function remove(message) {
  post("/_sandbox/messages/delete", { user, message_id: message.id }).catch((error) => toast(error.message));
}

/** @param {any} message @param {string} customId @param {string[]} [values] */
function press(message, customId, values = []) {
  post("/_sandbox/components", { user, message_id: message.id, custom_id: customId, values })
    .catch((error) => toast(error.message));
}

/** @param {boolean} open */
function openSide(open) {
  byId("side").classList.toggle("open", open);
  byId("menu").setAttribute("aria-expanded", String(open));
}

byId("menu").addEventListener("click", () => openSide(!byId("side").classList.contains("open")));
byId("user").addEventListener("change", (/** @type {any} */ event) => {
  user = event.target.value;
  localStorage.setItem("user", user);
  listen();
});
byId("locale").addEventListener("change", (/** @type {any} */ event) => {
  post("/_sandbox/language", { user, locale: event.target.value }).then(load).catch((error) => toast(error.message));
});
stayAtTheEnd();
listen();

import { el } from "./dom.js";

/**
 * @typedef {{
 *   users: any[], roles: any[], channels: any[],
 *   press: (message: any, customId: string, values?: string[]) => void,
 *   menu: (message: any) => { label: string, act: () => void }[],
 * }} Context
 */

const MENU_REPLY = 23; // type of a reply to a command in a menu

/** @param {any} user @param {any[]} users @param {boolean} [small] */
export function avatar(user, users, small = false) {
  const kind = user.bot ? "bot" : users.filter((each) => !each.bot).findIndex((each) => each.id === user.id);
  const name = user.global_name ?? user.username;
  return el(`span.avatar.avatar-${kind}${small ? ".small" : ""}`, { "aria-hidden": "true" }, name[0].toUpperCase());
}

/** @param {any} user */
export const nameOf = (user) => user.global_name ?? (user.bot ? "Backline" : user.username);

/** @param {any} message @param {Context} context */
export function renderMessage(message, context) {
  const only = (message.flags & 64) !== 0;
  const loading = (message.flags & 128) !== 0;
  const used = message.interaction;
  const menu = renderMenu(context.menu(message));
  return el(
    `li.message${only ? ".only" : ""}`,
    { "data-id": message.id, oncontextmenu: menu && ((/** @type {Event} */ event) => { event.preventDefault(); menu.open = true; }) },
    avatar(message.author, context.users),
    used && el("p.used", {}, `${nameOf(used.user)} used ${message.type === MENU_REPLY ? "" : "/"}${used.name}`),
    el(
      "div.head",
      {},
      el("b", {}, nameOf(message.author)),
      message.author.bot && el("span.tag", {}, "APP"),
      el("time", { dateTime: message.timestamp }, new Date(message.timestamp).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })),
      message.edited_timestamp && !used && el("span.note", {}, "(edited)"),
      menu,
    ),
    message.type === 6 && el("p.note", {}, "pinned a message to this channel"),
    loading ? el("p.note.dots", {}, "thinking") : message.content && markdown(message.content, context),
    ...message.embeds.map((/** @type {any} */ embed) => renderEmbed(embed, context)),
    ...message.attachments.filter((/** @type {any} */ file) => !shown(message, file)).map(renderAttachment),
    ...message.components.map((/** @type {any} */ component) => renderComponent(component, message, context)),
    message.reactions && el(
      "p.note",
      { "aria-label": "Reactions" },
      message.reactions.map((/** @type {any} */ each) => `${each.emoji.name} ${each.count}`).join("  "),
    ),
    only && el("p.note", {}, "Only you can see this"),
  );
}

/** @param {{ label: string, act: () => void }[]} offers */
function renderMenu(offers) {
  if (!offers.length) return null;
  return el(
    "details.apps",
    {},
    el("summary", { "aria-label": "More actions", title: "More actions" }, "⋯"),
    el("div", {}, ...offers.map(({ label, act }) => el("button.quiet", {
      type: "button", onclick: (/** @type {any} */ event) => { event.target.closest("details").open = false; act(); },
    }, label))),
  );
}

/** Whether one of the message's embeds already shows this file. @param {any} message @param {any} file */
function shown(message, file) {
  // Each link is signed by itself, perhaps at different seconds.
  /** @param {string | undefined} url */
  const unsigned = (url) => url?.split("?")[0];
  return message.embeds.some((/** @type {any} */ embed) =>
    [embed.image?.url, embed.thumbnail?.url].map(unsigned).includes(unsigned(file.url)));
}

/** @param {any} embed @param {Context} context */
function renderEmbed(embed, context) {
  const words = inline(embed.title ?? "", context);
  const box = el(
    "div.embed",
    {},
    embed.author && el("span.note", {}, embed.author.name),
    embed.title && el("h4", {}, ...(embed.url ? [link(embed.url, ...words)] : words)),
    embed.description && markdown(embed.description, context),
    embed.fields?.length && el(
      "div.fields",
      {},
      ...embed.fields.map((/** @type {any} */ field) => el(
        `div${field.inline ? ".inline" : ""}`, {}, el("b", {}, ...inline(field.name, context)), markdown(field.value, context),
      )),
    ),
    embed.image && picture(embed.image.url, "wide"),
    embed.thumbnail && picture(embed.thumbnail.url, "thumb"),
    embed.footer && el("span.note", {}, embed.footer.text),
  );
  // Set on the style object: a style attribute would need 'unsafe-inline' in the Content Security Policy.
  if (embed.color) box.style.setProperty("--embed", `#${embed.color.toString(16).padStart(6, "0")}`);
  return box;
}

/** @param {string} url @param {string} kind */
function picture(url, kind) {
  return el(`img.${kind}`, { src: url, alt: "", loading: "lazy", onerror: (/** @type {any} */ event) => event.target.remove() });
}

/** @param {any} file */
function renderAttachment(file) {
  if (file.content_type?.startsWith("image/")) return picture(file.url, "wide");
  const name = el("p", {}, link(file.url, file.title ?? file.filename));
  if (!file.content_type?.startsWith("audio/")) return name;
  return el("div.sound", {}, name, el("audio", { src: file.url, controls: true, preload: "none", "aria-label": file.filename }));
}

/** @param {any} component @param {any} message @param {Context} context @returns {HTMLElement | null} */
function renderComponent(component, message, context) {
  /** @param {any[]} list */
  const all = (list) => list.map((each) => renderComponent(each, message, context));
  switch (component.type) {
    case 1: return el("div.row", {}, ...all(component.components));
    case 2: return renderButton(component, message, context);
    case 3: return renderSelect(component, message, context);
    case 9: return el("div.row", {}, el("div", {}, ...all(component.components)), renderComponent(component.accessory, message, context));
    case 10: return markdown(component.content, context);
    case 11: return picture(component.media.url, "thumb");
    case 12: return el("div.row", {}, ...component.items.map((/** @type {any} */ item) => picture(item.media.url, "wide")));
    case 14: return component.divider ? el("hr") : null;
    case 17: return el("div.block", {}, ...all(component.components));
    default: return el("p.note", {}, "(a component this page cannot show)");
  }
}

/** @param {any} button @param {any} message @param {Context} context */
function renderButton(button, message, context) {
  const label = [button.emoji?.name, button.label].filter(Boolean).join(" ");
  if (button.style === 5) return el("span.button", {}, link(button.url, label));
  return el(
    `button.style-${button.style}`,
    { type: "button", disabled: button.disabled, onclick: () => context.press(message, button.custom_id) },
    label,
  );
}

/** @param {any} select @param {any} message @param {Context} context */
function renderSelect(select, message, context) {
  return el(
    "select",
    {
      disabled: select.disabled,
      "aria-label": select.placeholder ?? "Choose",
      onchange: (/** @type {any} */ event) => context.press(message, select.custom_id, [event.target.value]),
    },
    el("option", { value: "", disabled: true, selected: true }, select.placeholder ?? "Choose"),
    ...select.options.map((/** @type {any} */ option) => el("option", { value: option.value }, option.label)),
  );
}

/** @param {string} url @param {...(Node | string)} words */
function link(url, ...words) {
  const safe = /^https?:\/\//.test(url) ? url : undefined;
  return el("a", { href: safe, target: "_blank", rel: "noopener noreferrer" }, ...words);
}

// See "Message Formatting" in Discord's documentation. Only the markdown that bots use is supported.
const TOKENS = new RegExp([
  /^-# (?<small>.+)$/,
  /\\(?<escaped>[^0-9A-Za-z\s])/,
  /`(?<code>[^`]+)`/,
  /\*\*(?<bold>(?:\\.|[^\\])+?)\*\*/,
  /\*(?<star>(?:\\.|[^*\\\s])(?:\\.|[^*\\])*)\*/,
  /(?<!\w)_(?<line>(?:\\.|[^_\\])+)_(?!\w)/,
  /\[(?<title>(?:\\.|[^\]\\])+)\]\(<?(?<href>https?:[^\s)>]+)>?\)/,
  /<@!?(?<user>\d+)>/,
  /<@&(?<role>\d+)>/,
  /<#(?<channel>\d+)>/,
  /<\/(?<command>[^:>]+):\d+>/,
  /<a?:(?<emoji>\w+):\d+>/,
  /<t:(?<time>-?\d+)(?::(?<style>[tTdDfFR]))?>/,
  /<?(?<url>https?:\/\/[^\s<>]+)>?/,
].map(({ source }) => source).join("|"), "gm");

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const TIMES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** @param {string} text @param {Context} context */
function markdown(text, context) {
  return el("div.text", {}, ...inline(text, context));
}

/** @param {string} text @param {Context} context @returns {(Node | string)[]} */
function inline(text, context) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(TOKENS)) {
    parts.push(text.slice(at, found.index), token(found, context));
    at = found.index + found[0].length;
  }
  return [...parts, text.slice(at)];
}

/** @param {RegExpMatchArray} found @param {Context} context @returns {Node | string} */
function token({ groups = {} }, context) {
  const { small, escaped, code, bold, star, line, title, href, user, role, channel, command, emoji, time, style, url } = groups;
  if (small) return el("small", {}, ...inline(small, context));
  if (escaped) return escaped;
  if (code) return el("code", {}, code);
  if (bold) return el("b", {}, ...inline(bold, context));
  if (star || line) return el("i", {}, ...inline(star || line, context));
  if (href) return link(href, ...inline(title, context));
  if (user) return mention("@", context.users.find(({ id }) => id === user), "unknown-user");
  if (role) return mention("@", context.roles.find(({ id }) => id === role), "deleted-role");
  if (channel) return mention("#", context.channels.find(({ id }) => id === channel), "unknown");
  if (command) return mention("/", null, command);
  if (emoji) return `:${emoji}:`;
  if (time) return moment(Number(time), style ?? "f");
  return link(url, url);
}

/** @param {string} sign @param {any} of a user, role or channel, or none @param {string} otherwise the name to show for none */
function mention(sign, of, otherwise) {
  const name = of ? of.name ?? nameOf(of) : otherwise;
  return el("span.mention", {}, name.startsWith(sign) ? name : sign + name); // @everyone includes the sign
}

/** @param {number} seconds since 1970 @param {string} style */
function moment(seconds, style) {
  const date = new Date(seconds * 1000);
  const full = date.toLocaleString([], TIMES.F);
  return el("time", { dateTime: date.toISOString(), title: full }, style === "R" ? relative(seconds) : date.toLocaleString([], TIMES[style]));
}

/** @param {number} seconds since 1970 */
function relative(seconds) {
  const left = seconds - Date.now() / 1000;
  const [unit, length] = UNITS.find(([, each]) => Math.abs(left) >= each) ?? ["second", 1];
  return new Intl.RelativeTimeFormat([], { numeric: "auto" }).format(Math.trunc(left / length), unit);
}

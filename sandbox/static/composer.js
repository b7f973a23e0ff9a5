import { byId, el, post, upload } from "./dom.js";

const TYPES = /** @type {Record<number, string>} */ ({ 3: "text", 4: "number", 5: "true or false", 6: "user", 7: "channel", 8: "role", 9: "user or role", 10: "number", 11: "attach it with +" });
const FILE = 11;

/**
 * Parse a line that may be incomplete.
 * @param {string} line
 * @param {any[]} commands
 */
export function parse(line, commands) {
  const words = line.slice(1).split(" ");
  const command = commands.find((each) => each.name === words[0]);
  if (!command || (words.length === 1 && !line.endsWith(" "))) return { command: null, path: words[0], definitions: [], values: {}, current: null, text: "" };
  let definitions = command.options ?? [];
  const path = [command.name];
  let used = 1;
  while (definitions.some((/** @type {any} */ each) => each.type <= 2)) {
    const step = definitions.find((/** @type {any} */ each) => each.name === words[used]);
    if (!step || words.length === used + 1) return { command, path: path.join(" "), subcommands: definitions, definitions: [], values: {}, current: null, text: words.slice(used).join(" ") };
    path.push(step.name);
    definitions = step.options ?? [];
    used += 1;
  }
  const names = definitions.map((/** @type {any} */ each) => each.name);
  /** @type {Record<string, string>} */
  const values = {};
  let current = null;
  let rest = words.slice(used).join(" ");
  const marks = [...rest.matchAll(/(?:^|\s)([-\w]+):/g)].filter((mark) => names.includes(mark[1]));
  // Text before the first "name:" belongs to the first option: "/play moss".
  const lead = rest.slice(0, marks.length ? marks[0].index : undefined).trim();
  if (lead && definitions.length) { values[names[0]] = lead; current = names[0]; }
  marks.forEach((mark, index) => {
    const start = mark.index + mark[0].length;
    values[mark[1]] = rest.slice(start, marks[index + 1]?.index).trim();
    current = mark[1];
  });
  if (!current && definitions[0]?.required) current = names[0];
  return { command, path: path.join(" "), definitions, values, current, text: current ? values[current] ?? "" : "", lead: Boolean(lead) };
}

/** @param {any} definition @param {string} text */
function typed(definition, text) {
  if (definition.type === 4) return /^-?\d+$/.test(text) ? Number(text) : text;
  if (definition.type === 10) return Number.isNaN(Number(text)) ? text : Number(text);
  if (definition.type === 5 && /^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  return text;
}

export class Composer {
  /**
   * @param {() => { user: string, guildId: string, channelId: string, commands: any[], members: any[], channels: any[], roles: any[] }} place
   * @param {(work: Promise<any>) => void} follow shows an error of the request
   */
  constructor(place, follow) {
    this.place = place;
    this.follow = follow;
    this.input = /** @type {HTMLInputElement} */ (byId("line"));
    this.list = byId("suggestions");
    this.hint = byId("hint");
    /** @type {{ label: string, detail: string, line: string }[]} */
    this.items = [];
    /** The line that the suggestions belong to. */
    this.suggestedFor = "";
    /** The index of the highlighted suggestion, or -1. */
    this.selected = 0;
    this.asked = 0;
    /** @type {Record<string, any>} the value to send for a suggestion's label, by "option\nlabel" */
    this.chosen = {};
    /** @type {File[]} the files to send with the message or command */
    this.files = [];
    const picker = byId("picker");
    byId("attach").addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => {
      this.attach([...this.files, ...picker.files]);
      picker.value = ""; // so that the same file can be chosen again
    });
    this.input.addEventListener("input", () => this.suggest());
    this.input.addEventListener("keydown", (event) => this.key(event));
    byId("composer").addEventListener("submit", (/** @type {Event} */ event) => { event.preventDefault(); this.send(); });
  }

  /** @param {File[]} files */
  attach(files) {
    this.files = files;
    byId("files").replaceChildren(...files.map((file) => el(
      "li", {}, file.name,
      el("button.quiet", {
        type: "button", "aria-label": `Remove ${file.name}`, onclick: () => this.attach(this.files.filter((each) => each !== file)),
      }, "×"),
    )));
    this.input.focus();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Escape") this.show([]);
    if (!this.items.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      const from = this.selected < 0 && step < 0 ? 0 : this.selected;
      this.selected = (from + step + this.items.length) % this.items.length;
      this.draw();
    } else if (event.key === "Tab" || (event.key === "Enter" && this.picks())) {
      event.preventDefault();
      this.take(this.items[Math.max(this.selected, 0)]);
    }
  }

  /** Whether Enter accepts a suggestion: the highlighted one, unless that is typed already. Otherwise it sends. */
  picks() {
    const line = this.input.value;
    const item = this.items[this.selected];
    if (!item || this.suggestedFor !== line) return false;
    const parsed = parse(line, this.place().commands);
    return !parsed.command || "subcommands" in parsed || item.line.trimEnd() !== line.trimEnd();
  }

  /** @param {{ line: string }} item */
  take(item) {
    this.input.value = item.line;
    this.input.focus();
    this.suggest();
  }

  /** Offer the commands again while their name is being typed: they may have loaded or changed meanwhile. */
  refresh() {
    const line = this.input.value;
    if (line.startsWith("/") && !parse(line, this.place().commands).command) void this.suggest();
  }

  async suggest() {
    const line = this.input.value;
    const number = (this.asked += 1);
    this.hint.className = "hint";
    if (!line.startsWith("/")) { this.hint.replaceChildren(); this.show([]); return; }
    const parsed = parse(line, this.place().commands);
    this.describe(parsed);
    if (!parsed.command) {
      this.show(this.place().commands
        .filter((each) => each.name.startsWith(parsed.path))
        .sort((one, other) => one.name.localeCompare(other.name))
        .map((each) => ({ label: `/${each.name}`, detail: each.description, line: `/${each.name} ` })));
      return;
    }
    if (parsed.subcommands) {
      this.show(parsed.subcommands
        .filter((/** @type {any} */ each) => each.name.startsWith(parsed.text))
        .map((/** @type {any} */ each) => ({ label: each.name, detail: each.description, line: `/${parsed.path} ${each.name} ` })));
      return;
    }
    const definition = parsed.definitions.find((/** @type {any} */ each) => each.name === parsed.current);
    const missing = parsed.definitions
      .filter((/** @type {any} */ each) => !(each.name in parsed.values) && each.type !== FILE)
      .map((/** @type {any} */ each) => ({ label: `${each.name}:`, detail: each.description, line: `${line.trimEnd()} ${each.name}:` }));
    if (!definition || (line.endsWith(" ") && parsed.text)) { this.show(missing, -1); return; }
    if (definition.autocomplete) await new Promise((resolve) => setTimeout(resolve, 150));
    if (number !== this.asked) return;
    const choices = await this.choices(definition, parsed);
    if (number !== this.asked) return;
    const head = line.slice(0, line.length - parsed.text.length);
    const mark = parsed.lead || head.endsWith(":") || head.endsWith(": ") ? head : `${head.trimEnd()} ${definition.name}:`;
    this.show(choices.map(({ name, value }) => {
      this.chosen[`${definition.name}\n${name}`] = value;
      return { label: name, detail: "", line: `${mark}${name} ` };
    }));
  }

  /** @param {any} definition @param {any} parsed @returns {Promise<{ name: string, value: any }[]>} */
  async choices(definition, parsed) {
    const place = this.place();
    const wanted = parsed.text.toLowerCase();
    /** @param {string[]} names */
    const among = (names) => names.filter((name) => name.toLowerCase().startsWith(wanted)).map((name) => ({ name, value: name }));
    if (definition.choices) return definition.choices.filter((/** @type {any} */ each) => each.name.toLowerCase().startsWith(wanted));
    if (definition.type === 5) return [true, false].map((value) => ({ name: String(value), value })).filter(({ name }) => name.startsWith(wanted));
    if (definition.type === 6 || definition.type === 9) return among(place.members.map((each) => each.user.username));
    if (definition.type === 7) return among(place.channels.map((each) => each.name));
    if (definition.type === 8) return among(place.roles.map((each) => each.name));
    if (!definition.autocomplete) return [];
    try {
      const answer = await post("/_sandbox/autocomplete", {
        user: place.user, guild_id: place.guildId, channel_id: place.channelId,
        command: parsed.path, options: this.values(parsed), autocomplete: definition.name,
      });
      return answer.choices;
    } catch {
      return []; // as in Discord: without suggestions the command can still be sent
    }
  }

  /** @param {any} parsed */
  values(parsed) {
    return Object.fromEntries(parsed.definitions
      .filter((/** @type {any} */ each) => each.name in parsed.values && each.type !== FILE)
      .map((/** @type {any} */ each) => {
        const text = parsed.values[each.name];
        return [each.name, /** @type {any} */ (this.chosen)[`${each.name}\n${text}`] ?? typed(each, text)];
      }));
  }

  /** @param {any} parsed */
  describe(parsed) {
    const parts = parsed.definitions.map((/** @type {any} */ each) => el(
      `span${each.required && !parsed.values[each.name] ? ".need" : ""}`,
      { title: each.description },
      `${each.name}${each.required ? "" : "?"} (${TYPES[each.type] ?? "option"})  `,
    ));
    this.hint.replaceChildren(...(parts.length ? [`/${parsed.path}  `, ...parts] : []));
  }

  /**
   * @param {{ label: string, detail: string, line: string }[]} items
   * @param {number} [selected] what is highlighted at first. -1, nothing: further options, which need not be given
   */
  show(items, selected = 0) {
    this.items = items;
    this.suggestedFor = this.input.value;
    this.selected = selected;
    this.draw();
  }

  draw() {
    this.list.hidden = this.items.length === 0;
    this.input.setAttribute("aria-expanded", String(this.items.length > 0));
    this.list.replaceChildren(...this.items.map((item, index) => el(
      "div",
      {
        role: "option", id: `suggestion-${index}`, "aria-selected": index === this.selected,
        onpointerdown: (/** @type {Event} */ event) => { event.preventDefault(); this.take(item); },
      },
      el("b", {}, item.label),
      item.detail && el("span", {}, item.detail),
    )));
    if (this.items[this.selected]) this.input.setAttribute("aria-activedescendant", `suggestion-${this.selected}`);
    else this.input.removeAttribute("aria-activedescendant");
    this.list.children[this.selected]?.scrollIntoView({ block: "nearest" });
  }

  send() {
    const line = this.input.value.trim();
    const place = this.place();
    const files = this.files;
    if (!line && !files.length) return;
    const where = { user: place.user, guild_id: place.guildId, channel_id: place.channelId };
    if (line.startsWith("/")) {
      const parsed = /** @type {any} */ (parse(`${line} `, place.commands));
      if (!parsed.command) { this.refuse(`There is no command /${parsed.path}`); return; }
      const slots = parsed.definitions.filter((/** @type {any} */ each) => each.type === FILE);
      if (files.length > slots.length) { this.refuse(`/${parsed.path} takes at most ${slots.length} files`); return; }
      const filled = slots.slice(0, files.length);
      const missing = parsed.definitions.find((/** @type {any} */ each) =>
        each.required && !parsed.values[each.name] && !filled.includes(each));
      if (missing) { this.refuse(`${missing.name} is required: ${missing.description}`); return; }
      this.deliver(line, this.upload(files).then((ids) => {
        const chosen = Object.fromEntries(ids.map((id, index) => [slots[index].name, id]));
        return post("/_sandbox/interactions", { ...where, command: parsed.path, options: { ...this.values(parsed), ...chosen } });
      }));
    } else {
      this.deliver(line, this.upload(files).then((ids) => post("/_sandbox/messages", { ...where, content: line, attachments: ids })));
    }
    this.input.value = "";
    this.attach([]);
    this.asked += 1;
    this.hint.replaceChildren();
    this.show([]);
  }

  /** Follow a request, and put back its line if it is invalid. @param {string} line @param {Promise<any>} work */
  deliver(line, work) {
    this.follow(work.catch((error) => {
      if (error.status === 400 && !this.input.value) this.input.value = line;
      throw error;
    }));
  }

  /** @param {File[]} files @returns {Promise<string[]>} */
  upload(files) {
    const { user } = this.place();
    return Promise.all(files.map((file) => upload(user, file)));
  }

  /** @param {string} sentence */
  refuse(sentence) {
    this.hint.className = "hint bad";
    this.hint.textContent = sentence;
  }
}

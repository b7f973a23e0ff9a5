/** Discord's Server Settings › Integrations: which roles, members and channels may use which command of the bot. */

import { byId, el, post, toast } from "./dom.js";
import { nameOf } from "./messages.js";

const ROLE = 1, MEMBER = 2, CHANNEL = 3; // types of rules

/** @typedef {{ id: string, type: number, permission: boolean }} Rule */

export class CommandRules {
  #read;
  #guildId = "";
  #commandId = "";
  /** What the user has chosen and the sandbox has not confirmed. The next choice builds on it. @type {Rule[] | null} */
  #chosen = null;
  #saving = Promise.resolve();

  /** @param {() => any} read returns the newest response of /_sandbox/state */
  constructor(read) {
    this.#read = read;
    byId("rules-command").addEventListener("change", (/** @type {any} */ event) => {
      this.#commandId = event.target.value;
      this.#chosen = null;
      this.draw();
    });
    byId("rules-add").addEventListener("change", (/** @type {any} */ event) => {
      const [type, id] = event.target.value.split(":");
      this.#save([...this.#rules(), { id, type: Number(type), permission: false }]);
    });
    byId("rules-close").addEventListener("click", () => byId("rules").close());
  }

  /** @param {any} guild with `integration`, which only those who manage the server get */
  open(guild) {
    this.#guildId = guild.id;
    this.#commandId = guild.integration.application_id;
    this.draw();
    byId("rules").showModal();
  }

  draw() {
    const guild = this.#guild();
    if (!guild?.integration) {
      byId("rules").close();
      return;
    }
    const { application_id: applicationId, commands } = guild.integration;
    byId("rules-command").replaceChildren(
      el("option", { value: applicationId, selected: this.#commandId === applicationId }, "All commands"),
      ...commands.map((/** @type {any} */ each) => el("option", { value: each.id, selected: this.#commandId === each.id }, each.type === 1 ? `/${each.name}` : each.name)),
    );
    const subjects = this.#subjects(guild);
    const rules = this.#rules();
    byId("rules-list").replaceChildren(...rules.map((rule) => this.#row(rule, subjects)));
    const own = this.#commandId === applicationId ? "Everyone may use the commands everywhere." : "The rules of all commands apply.";
    byId("rules-note").textContent = rules.length ? "The owner and administrators may always use every command." : `No rules. ${own}`;
    const groups = [["Roles", ROLE], ["Members", MEMBER], ["Channels", CHANNEL]].map(([label, type]) => {
      const free = subjects.filter((each) => each.type === type && !rules.some((rule) => rule.id === each.id && rule.type === type));
      return el("optgroup", { label }, ...free.map((each) => el("option", { value: `${each.type}:${each.id}` }, each.name)));
    });
    byId("rules-add").replaceChildren(el("option", { value: "", selected: true, disabled: true }, "Add roles, members or channels"), ...groups);
  }

  #guild() {
    return this.#read()?.guilds.find((/** @type {any} */ each) => each.id === this.#guildId);
  }

  /** @returns {Rule[]} */
  #rules() {
    return this.#chosen ?? this.#guild()?.integration.permissions[this.#commandId] ?? [];
  }

  /** @param {any} guild @returns {{ id: string, type: number, name: string }[]} whom and what a rule can be about */
  #subjects(guild) {
    const channels = this.#read().channels.filter((/** @type {any} */ each) => each.guild_id === guild.id && each.type !== 4);
    return [
      ...guild.roles.map((/** @type {any} */ each) => ({ id: each.id, type: ROLE, name: each.id === guild.id ? "@everyone" : `@${each.name}` })),
      ...guild.members.map((/** @type {any} */ each) => ({ id: each.user.id, type: MEMBER, name: nameOf(each.user) })),
      { id: String(BigInt(guild.id) - 1n), type: CHANNEL, name: "All channels" },
      ...channels.map((/** @type {any} */ each) => ({ id: each.id, type: CHANNEL, name: `#${each.name}` })),
    ];
  }

  /** @param {Rule} rule @param {{ id: string, type: number, name: string }[]} subjects */
  #row(rule, subjects) {
    const name = subjects.find((each) => each.id === rule.id && each.type === rule.type)?.name ?? "Unknown";
    const isOther = (/** @type {Rule} */ each) => each.id !== rule.id || each.type !== rule.type;
    /** @param {any} event */
    const decide = (event) => this.#save(this.#rules().map((each) => isOther(each) ? each : { ...each, permission: event.target.value === "allow" }));
    return el("li", {},
      el("span", {}, name),
      el("select", { "aria-label": `Rule for ${name}`, onchange: decide },
        el("option", { value: "allow", selected: rule.permission }, "Allow"),
        el("option", { value: "deny", selected: !rule.permission }, "Deny")),
      el("button.quiet", { type: "button", "aria-label": `Remove the rule for ${name}`, onclick: () => this.#save(this.#rules().filter(isOther)) }, "Remove"),
    );
  }

  /** Save one choice after the other. @param {Rule[]} permissions */
  #save(permissions) {
    const commandId = this.#commandId;
    const body = { change: "set_command_permissions", command_id: commandId, permissions };
    this.#chosen = permissions;
    this.draw();
    this.#saving = this.#saving.then(async () => {
      try {
        await post(`/_sandbox/guilds/${this.#guildId}`, body);
        const integration = this.#guild()?.integration;
        if (integration) integration.permissions[commandId] = permissions;
      } catch (/** @type {any} */ error) {
        toast(error.message);
        this.#chosen = null;
      }
      if (this.#chosen === permissions) this.#chosen = null;
      this.draw();
    });
  }
}

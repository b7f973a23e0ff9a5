/** A guild's alert rules: the list, and a dialog to add and edit them. */

import { ApiError } from "../client/errors.js";
import { announce } from "../backline/js/announce.js";
import { byId, element, icon, setText } from "../backline/js/dom.js";
import { isolated } from "../backline/js/format.js";
import { gettext, interpolate, interpolateNodes } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/** @import { RestClient } from "../client/rest.js" */
/** @import { LoggedAlertRule } from "../client/events.d.ts" */
/** @import { GuildSyncEvent } from "../client/types.d.ts" */

/** @typedef {LoggedAlertRule & {stream_name: string | null, problem: {detail: string} | null, gone: string[]}} Rule */

const NIGHT = { from: "22:00", until: "07:00" };
const LEVEL_WORDS = { low: gettext("all alerts"), medium: gettext("medium and high alerts"), high: gettext("high alerts only") };

/** The rules of one guild on its settings page. */
export class AlertRules {
  #rest;
  #api;
  /** @type {HTMLDialogElement} */
  #dialog = byId("rule-dialog");
  /** @type {HTMLSelectElement} */
  #stream = byId("rule-stream");
  /** @type {HTMLSelectElement} */
  #channel = byId("rule-channel");
  /** @type {HTMLSelectElement} */
  #role = byId("rule-role");
  /** @type {HTMLInputElement} */
  #quiet = byId("rule-quiet");
  /** @type {HTMLInputElement} */
  #from = byId("rule-from");
  /** @type {HTMLInputElement} */
  #until = byId("rule-until");
  /** @type {HTMLSelectElement} */
  #zone = byId("rule-zone");
  /** Controls that each edit one field of a rule. @type {(HTMLInputElement | HTMLSelectElement)[]} */
  #controls = [...this.#dialog.querySelectorAll("[data-field]")].map((node) => /** @type {HTMLInputElement | HTMLSelectElement} */ (node));
  /** @type {Rule | null} */
  #edited = null;

  /** @param {{rest: RestClient, guildId: string}} options */
  constructor({ rest, guildId }) {
    this.#rest = rest;
    this.#api = `/api/guilds/${guildId}/alert-rules`;
    byId("rule-add").addEventListener("click", () => this.#open(null));
    byId("rule-cancel").addEventListener("click", () => this.#dialog.close());
    byId("rule-delete").addEventListener("click", () => this.#remove());
    byId("rule-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    this.#quiet.addEventListener("change", () => (byId("rule-hours").hidden = !this.#quiet.checked));
    for (const zone of new Set([ownZone(), "UTC", ...Intl.supportedValuesOf("timeZone")])) this.#zone.add(new Option(zone));
    this.read();
  }

  /** Load the rules again if one changed. @param {GuildSyncEvent[]} events of the guild */
  follow(events) {
    if (events.some(({ name }) => name.startsWith("AlertRule"))) this.read();
  }

  /** Load and show the rules. */
  async read() {
    const empty = byId("rules-empty");
    const list = byId("rules");
    try {
      /** @type {Rule[]} */
      const rules = await this.#rest.get(this.#api);
      list.replaceChildren(...rules.map((rule) => this.#row(rule)));
      list.hidden = !rules.length;
      empty.hidden = rules.length > 0;
      setText(empty, gettext("No rules yet."));
    } catch (error) {
      empty.hidden = false;
      setText(empty, interpolate(gettext("The rules could not be loaded. %(reason)s"), { reason: reasonOf(error) }));
    }
    list.setAttribute("aria-busy", "false");
  }

  /** @param {Rule} rule */
  #row(rule) {
    const { stream_id: id, stream_name: name, channel_id: channel, mention_role_id: role, quiet_hours: quiet } = rule;
    const stream = name || id;
    const target = labelOf(this.#channel, channel);
    const details = [
      LEVEL_WORDS[rule.min_level],
      role ? interpolate(gettext("mentions %(role)s"), { role: isolated(labelOf(this.#role, role)) }) : gettext("no mention"),
      quiet ? interpolate(gettext("quiet from %(from)s to %(until)s (%(timezone)s)"), { ...quiet }) : "",
    ].filter(Boolean);
    const problem = rule.enabled ? rule.problem?.detail ?? (rule.gone.length ? gettext("The channel or role was deleted in Discord.") : "") : "";
    const edit = element("button", { class: "button button-quiet", type: "button", "aria-label": interpolate(gettext("Edit rule: %(stream)s to %(channel)s"), { stream: isolated(stream), channel: isolated(target) }) }, gettext("Edit"));
    edit.addEventListener("click", () => this.#open(rule));
    return element("li", { class: "session" },
      icon("bell"),
      element("div", {},
        element("h3", {},
          ...interpolateNodes(gettext("%(stream)s to %(channel)s"), { stream: element("bdi", {}, stream), channel: element("bdi", {}, target) }),
          rule.enabled ? "" : element("span", { class: "tag tag-quiet" }, gettext("Off"))),
        element("p", {}, ...details.map((words) => element("span", {}, words))),
        problem ? element("p", { class: "problem-line" }, problem) : ""),
      edit);
  }

  /** @param {Rule | null} rule null for a new rule */
  async #open(rule) {
    this.#edited = rule;
    this.#complain("", []);
    /** @type {{id: string, name: string}[]} */
    const streams = await this.#rest.get("/api/streams").catch(() => []);
    this.#stream.replaceChildren(...streams.map(({ id, name }) => new Option(name || id, id)));
    const values = { ...JSON.parse(this.#dialog.dataset.defaults ?? "{}"), ...rule };
    for (const control of this.#controls) {
      const value = values[control.dataset.field ?? ""];
      if (control instanceof HTMLInputElement && control.type === "checkbox") control.checked = Boolean(value);
      else if (control instanceof HTMLInputElement) control.value = String(value ?? "");
      // A new rule has no stream and no channel yet, so the first option stays selected.
      else if (value !== undefined) choose(control, value ?? "", (control === this.#stream && rule?.stream_name) || gettext("Deleted in Discord"));
    }
    this.#quiet.checked = Boolean(values.quiet_hours);
    byId("rule-hours").hidden = !values.quiet_hours;
    const { from, until, timezone } = values.quiet_hours ?? { ...NIGHT, timezone: ownZone() };
    this.#from.value = from;
    this.#until.value = until;
    choose(this.#zone, timezone, timezone);
    byId("rule-no-streams").hidden = this.#stream.options.length > 0;
    byId("rule-delete").hidden = !rule;
    setText(byId("rule-title"), rule ? gettext("Edit rule") : gettext("New rule"));
    this.#dialog.showModal();
  }

  #chosen() {
    const quiet = { from: this.#from.value, until: this.#until.value, timezone: this.#zone.value };
    const chosen = this.#controls.map((control) => [control.dataset.field, valueOf(control)]);
    return { ...Object.fromEntries(chosen), quiet_hours: this.#quiet.checked ? quiet : null };
  }

  async #save() {
    const rule = this.#edited;
    await this.#do(gettext("Saved"), gettext("Not saved. %(reason)s"), () => (
      rule ? this.#rest.patch(`${this.#api}/${rule.id}`, this.#chosen()) : this.#rest.post(this.#api, this.#chosen())
    ));
  }

  async #remove() {
    const id = this.#edited?.id;
    await this.#do(gettext("Rule deleted"), gettext("Not deleted. %(reason)s"), () => this.#rest.delete(`${this.#api}/${id}`));
  }

  /** @param {string} done @param {string} failed @param {() => Promise<unknown>} act */
  async #do(done, failed, act) {
    this.#complain("", []);
    try {
      await act();
    } catch (error) {
      const errors = error instanceof ApiError ? error.errors : {};
      const reasons = Object.entries(errors).map(([field, [reason]]) => `${nameOf(field)}: ${reason}`);
      this.#complain(interpolate(failed, { reason: reasons.join(" ") || reasonOf(error) }), Object.keys(errors));
      return;
    }
    this.#dialog.close();
    announce(done);
    await this.read();
  }

  /** @param {string} words @param {string[]} fields the invalid ones */
  #complain(words, fields) {
    const line = byId("rule-problem");
    line.hidden = !words;
    setText(line, words);
    for (const part of this.#dialog.querySelectorAll("[data-rule]")) {
      const wrong = fields.includes(/** @type {HTMLElement} */ (part).dataset.rule ?? "");
      for (const control of part.querySelectorAll("select, input")) control.setAttribute("aria-invalid", String(wrong));
    }
  }
}

function ownZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** @param {HTMLInputElement | HTMLSelectElement} control @returns {string | number | boolean | null} */
function valueOf(control) {
  if (control.type === "checkbox" && control instanceof HTMLInputElement) return control.checked;
  if (control.value === "") return null;
  return control.type === "number" ? Number(control.value) : control.value;
}

/** @param {HTMLSelectElement} select @param {string} value @param {string} label if the value is no longer an option */
function choose(select, value, label) {
  if (![...select.options].some((option) => option.value === value)) select.add(new Option(label, value));
  select.value = value;
}

/** @param {HTMLSelectElement} select @param {string} value */
function labelOf(select, value) {
  return [...select.options].find((option) => option.value === value)?.label ?? gettext("deleted in Discord");
}

/** @param {string} field the server's name @returns {string} the dialog's label */
function nameOf(field) {
  const part = document.querySelector(`[data-rule="${CSS.escape(field)}"]`);
  const words = part?.matches("fieldset") ? part.querySelector("legend")?.textContent : part?.firstChild?.textContent;
  return words?.trim() || field;
}

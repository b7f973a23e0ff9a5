/** Draws the guild itself: its name, whether the bot is in it, its voice channels. */

import { byId, element, setText } from "../backline/js/dom.js";

/** @import { Guild, VoiceChannel } from "../client/types.d.ts" */

export class GuildView {
  /** @type {HTMLSelectElement} */
  #voiceChannel = byId("voice-channel");
  #drawnChannels = "";

  /** @param {Guild} guild @param {VoiceChannel[]} channels */
  draw(guild, channels) {
    setText(byId("guild-name"), guild.name);
    byId("guild-outage").hidden = !guild.unavailable;
    document.body.classList.toggle("has-player", guild.bot_installed);
    /** @type {NodeListOf<HTMLElement>} */
    const parts = document.querySelectorAll("[data-when]");
    for (const part of parts) part.hidden = part.dataset.when !== (guild.bot_installed ? "installed" : "absent");
    this.#drawChannels(channels);
  }

  /** @param {VoiceChannel[]} channels */
  #drawChannels(channels) {
    const key = JSON.stringify(channels);
    if (key === this.#drawnChannels) return;
    this.#drawnChannels = key;
    const { value } = this.#voiceChannel;
    const [none] = this.#voiceChannel.options;
    this.#voiceChannel.replaceChildren(
      none, ...channels.map(({ id, name }) => element("option", { value: id, dir: "auto" }, name)),
    );
    this.#voiceChannel.value = channels.some(({ id }) => id === value) ? value : "";
  }
}

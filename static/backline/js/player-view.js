/** What plays now: the big one at the top, and the bar that never leaves. */

import { showArtwork } from "./artwork.js";
import { avatar, byId, element, icon, setAttribute, setText } from "./dom.js";
import { duration, isMe, titleOf } from "./format.js";

/** @import { Player, QueueItem, Rights, SkipVote } from "../../client/types.d.ts" */

const STATUS_WORDS = {
  idle: "Nothing playing",
  connecting: "Joining voice",
  playing: "Now playing",
  paused: "Paused",
  stopped: "Stopped",
  error: "Cannot play",
};

/** Where this page can say more than the server's sentence, which is also read elsewhere. */
const PROBLEM_WORDS = new Map([
  ["NO_VOICE_CHANNEL", "There is nowhere to play yet. Join a voice channel in Discord, or choose one above."],
]);

export class PlayerView {
  #now = byId("now");
  /** @type {HTMLButtonElement} */
  #pause = byId("pause");
  /** @type {HTMLButtonElement} */
  #skip = byId("skip");
  #progress = byId("progress");
  /** @type {HTMLInputElement} */
  #volume = byId("volume-range");
  #choosingVolume = false;
  #chipsKey = "";

  /**
   * @param {object} options
   * @param {(paused: boolean) => Promise<unknown>} options.onPause
   * @param {() => Promise<unknown>} options.onSkip
   * @param {(volume: number) => Promise<unknown>} options.onVolume
   */
  constructor({ onPause, onSkip, onVolume }) {
    this.#volume.addEventListener("input", () => {
      this.#choosingVolume = true;
      this.#showVolume(this.#volume.valueAsNumber);
    });
    this.#volume.addEventListener("change", async () => {
      await onVolume(this.#volume.valueAsNumber);
      this.#choosingVolume = false;
    });
    this.#pause.addEventListener("click", () => (
      whileBusy(this.#pause, () => onPause(!this.#pause.hasAttribute("data-paused")))
    ));
    this.#skip.addEventListener("click", () => whileBusy(this.#skip, onSkip));
  }

  /**
   * @param {Player} player
   * @param {number} queued how many tracks come next
   * @param {Rights | null} can
   * @param {SkipVote | null} skipVote
   */
  draw(player, queued, can, skipVote) {
    const track = player.item?.track ?? null;
    const title = track ? titleOf(track) : "Quiet in here";
    this.#now.dataset.status = player.status;
    setText(byId("now-status"), STATUS_WORDS[player.status] ?? player.status);
    setText(byId("now-title"), title);
    setText(byId("now-artist"), track ? track.artist ?? "" : emptyWords(player, queued));
    showArtwork(byId("now-art"), track, (colour) => this.#now.style.setProperty("--art", colour ?? "transparent"));
    this.#drawChips(player, skipVote);
    this.#drawProblem(player);

    showArtwork(byId("player-art"), track);
    setText(byId("player-title"), track ? title : "Nothing playing");
    setText(byId("player-artist"), track?.artist ?? "");
    const paused = player.status === "paused";
    this.#pause.disabled = !track;
    this.#pause.toggleAttribute("data-paused", paused);
    setAttribute(this.#pause, "aria-label", paused ? "Resume" : "Pause");
    const [skipWords, maySkip] = skipping(player.item, can);
    this.#skip.disabled = !track || !maySkip;
    setAttribute(this.#skip, "aria-label", skipWords);
    this.#skip.title = skipWords;
    byId("volume").hidden = player.volume === null;
    if (player.volume !== null && !this.#choosingVolume) {
      this.#volume.valueAsNumber = player.volume;
      this.#showVolume(player.volume);
    }
    document.title = track && player.status === "playing" ? `${title} · Backline` : `${byId("guild-name").textContent} · Backline`;
  }

  /** @param {Player} player @param {number} positionMs */
  drawPosition(player, positionMs) {
    const track = player.item?.track;
    const total = track?.duration_ms ?? null;
    const share = total ? Math.min(1, positionMs / total) : 0;
    const bar = /** @type {HTMLElement} */ (this.#progress.firstElementChild);
    setText(byId("position"), track ? duration(positionMs) : duration(null));
    setText(byId("duration"), track?.is_live ? "live" : duration(total));
    this.#progress.toggleAttribute("data-live", Boolean(track?.is_live));
    // Gliding from the end of one track to the start of the next would look like rewinding.
    this.#progress.toggleAttribute("data-moving", player.status === "playing" && positionMs > 500);
    bar.style.transform = `translateX(${(share - 1) * 100}%)`;
    setAttribute(this.#progress, "aria-valuenow", total ? String(Math.round(share * 100)) : null);
    setAttribute(this.#progress, "aria-valuetext", total ? `${duration(positionMs)} of ${duration(total)}` : null);
  }

  /** @param {number} percent */
  #showVolume(percent) {
    setText(byId("volume-value"), `${percent} %`);
    setAttribute(this.#volume, "aria-valuetext", `${percent} percent`);
  }

  /** @param {Player} player @param {SkipVote | null} vote */
  #drawChips({ item }, vote) {
    const key = item ? `${item.id} ${item.requested_by?.username} ${item.track.is_live} ${vote?.votes} ${vote?.needed}` : "";
    if (key === this.#chipsKey) return;
    this.#chipsKey = key;
    const chips = [];
    if (item?.requested_by) {
      const name = isMe(item.requested_by) ? "you" : item.requested_by.username;
      chips.push(element("li", { class: "chip" }, avatar(item.requested_by),
        element("span", {}, "Added by ", element("strong", {}, name))));
    }
    if (item?.track.is_live) chips.push(element("li", { class: "chip" }, icon("radio"), "Live radio"));
    if (vote) chips.push(element("li", { class: "chip" }, icon("skip-forward"), `${vote.votes} of ${vote.needed} votes to skip`));
    byId("now-chips").replaceChildren(...chips);
  }

  /** @param {Player} player */
  #drawProblem({ error }) {
    const box = byId("player-problem");
    const words = error ? PROBLEM_WORDS.get(error.code) ?? error.detail : "";
    setText(/** @type {Element} */ (box.querySelector("p")), words);
    box.hidden = !error;
  }
}

/**
 * @param {QueueItem | null} item
 * @param {Rights | null} can
 * @returns {[string, boolean]} what the button is called, and whether it may be pressed
 */
function skipping(item, can) {
  if (!can || can.skip === "now" || isMe(item?.requested_by ?? null)) return ["Skip this track", true];
  return can.skip === "vote" ? ["Vote to skip this track", true] : ["Only DJs skip what others added here", false];
}

/** @param {Player} player @param {number} queued */
function emptyWords({ error, status }, queued) {
  if (error) return "";
  if (!queued) return "Add a track and it starts by itself.";
  return status === "stopped" ? "The queue waits." : "The next track is about to start.";
}

/**
 * One press, one command: the button rests until it is answered.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<unknown>} act
 */
async function whileBusy(button, act) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  await act();
  button.removeAttribute("aria-busy");
}

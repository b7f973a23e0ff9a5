/** The current track: large at the top, and in the bar that is always in view. */

import { showArtwork } from "./artwork.js";
import { avatar, byId, element, icon, setAttribute, setText } from "../backline/js/dom.js";
import { duration, isMe, nameOf, titleOf } from "../backline/js/format.js";
import { gettext, interpolate, interpolateNodes } from "../backline/js/i18n.js";

/**
 * @import { Player, QueueItem, Rights, SkipVote, Track } from "../client/types.d.ts"
 * @import { Button, Look } from "./player-look.js"
 */

export class PlayerView {
  #now = byId("now");
  #bar = byId("player");
  /** @type {HTMLButtonElement} */
  #round = byId("pause");
  /** @type {HTMLButtonElement} */
  #skip = byId("skip");
  #progress = byId("progress");
  /** @type {HTMLInputElement} */
  #volume = byId("volume-range");
  #choosingVolume = false;
  /** The volume on the server. @type {number | null} */
  #percent = null;
  #chipsKey = "";
  #buttonsKey = "";
  #onPress;
  /** @type {Look | null} */
  #look = null;

  /**
   * @param {object} options
   * @param {(button: Button) => Promise<unknown>} options.onPress
   * @param {() => Promise<unknown>} options.onSkip
   * @param {(volume: number) => Promise<unknown>} options.onVolume
   */
  constructor({ onPress, onSkip, onVolume }) {
    this.#onPress = onPress;
    this.#volume.addEventListener("input", () => {
      this.#choosingVolume = true;
      this.#showVolume(this.#volume.valueAsNumber);
    });
    this.#volume.addEventListener("change", async () => {
      await onVolume(this.#volume.valueAsNumber);
      this.#choosingVolume = false;
      this.#drawVolume(); // shows the old volume again if the change was refused
    });
    this.#round.addEventListener("click", () => this.#press(this.#round, this.#look?.round));
    this.#skip.addEventListener("click", () => whileBusy(this.#skip, onSkip));
  }

  /**
   * @param {Look} look
   * @param {Player} player
   * @param {Rights | null} can
   * @param {SkipVote | null} skipVote
   */
  draw(look, player, can, skipVote) {
    this.#look = look;
    const { track } = look;
    const title = track ? titleOf(track) : look.title;
    const sounding = look.lamp === "sound";
    this.#now.dataset.lamp = look.lamp;
    for (const part of [this.#now, this.#bar]) {
      part.toggleAttribute("data-sound", sounding);
      part.toggleAttribute("data-cold", look.cold);
    }
    setText(byId("now-status"), look.kicker);
    setText(byId("now-title"), title);
    byId("now-title").title = title;
    drawLine(byId("now-artist"), look);
    const glow = (/** @type {string | null} */ colour) => this.#now.style.setProperty("--art", colour ?? "transparent");
    showArtwork(byId("now-art"), track, glow, look.blank);
    this.#drawChips(player, skipVote);
    const words = byId("player-problem");
    setText(words, look.words);
    words.hidden = !look.words;
    this.#drawButtons(look.buttons);

    showArtwork(byId("player-art"), track);
    setText(byId("player-title"), track ? title : gettext("Nothing playing"));
    setText(byId("player-artist"), track?.artist ?? "");
    this.#drawRound(look);
    const [skipWords, maySkip] = skipping(player.item, can);
    this.#skip.disabled = !player.item || !maySkip;
    setAttribute(this.#skip, "aria-label", skipWords);
    this.#skip.title = skipWords;
    this.#percent = player.volume;
    this.#drawVolume();
    const page = `${sounding ? title : byId("guild-name").textContent} · Backline`;
    if (document.title !== page) document.title = page;
  }

  /** @param {Player} player @param {number} positionMs */
  drawPosition(player, positionMs) {
    const track = this.#look?.track;
    const total = track?.duration_ms ?? null;
    const share = total ? Math.min(1, positionMs / total) : 0;
    const bar = /** @type {HTMLElement} */ (this.#progress.firstElementChild);
    setText(byId("position"), track ? duration(positionMs) : duration(null));
    setText(byId("duration"), track?.is_live ? gettext("live") : duration(total));
    this.#progress.toggleAttribute("data-live", Boolean(track?.is_live));
    // Gliding from the end of one track to the start of the next would look like rewinding.
    this.#progress.toggleAttribute("data-moving", this.#look?.lamp === "sound" && positionMs > 500);
    bar.style.transform = `translateX(${(share - 1) * 100}%)`;
    setAttribute(this.#progress, "aria-valuenow", total ? String(Math.round(share * 100)) : null);
    setAttribute(this.#progress, "aria-valuetext", total ? interpolate(gettext("%(position)s of %(duration)s"), { position: duration(positionMs), duration: duration(total) }) : null);
  }

  /** @param {Look} look */
  #drawRound({ round, lamp, cold }) {
    this.#round.disabled = !round;
    this.#round.toggleAttribute("data-play", round?.icon !== "pause");
    // The accent color means sound, or a button to press. A pause button that changes nothing now is neither.
    const steers = round?.act === "pause" || round?.act === "resume";
    this.#round.toggleAttribute("data-quiet", (cold && steers) || (round?.act === "pause" && lamp !== "sound"));
    const label = round?.label ?? round?.words ?? gettext("Play");
    setAttribute(this.#round, "aria-label", label);
    this.#round.title = label;
  }

  /** @param {Button[]} buttons */
  #drawButtons(buttons) {
    const key = JSON.stringify(buttons);
    if (key === this.#buttonsKey) return;
    this.#buttonsKey = key;
    const acts = byId("now-acts");
    const focused = [...acts.children].indexOf(/** @type {Element} */ (document.activeElement));
    acts.replaceChildren(...buttons.map((button, place) => {
      const kind = place || button.act === "pause" ? "button-quiet" : "button-primary";
      const node = element("button", { class: `button button-small ${kind}`, type: "button" }, icon(button.icon), element("span", {}, button.words));
      node.addEventListener("click", () => this.#press(node, button));
      return node;
    }));
    // The focused button was replaced. Without this the focus would move to the top of the page.
    if (focused >= 0) /** @type {HTMLElement} */ (acts.children[focused] ?? acts.children[0] ?? this.#round).focus();
  }

  /** @param {HTMLButtonElement} node @param {Button | null | undefined} button */
  #press(node, button) {
    if (button) whileBusy(node, () => this.#onPress(button));
  }

  #drawVolume() {
    byId("volume").hidden = this.#percent === null;
    if (this.#percent === null || this.#choosingVolume) return;
    this.#volume.valueAsNumber = this.#percent;
    this.#showVolume(this.#percent);
  }

  /** @param {number} percent */
  #showVolume(percent) {
    setText(byId("volume-value"), `${percent}%`);
    setAttribute(this.#volume, "aria-valuetext", interpolate(gettext("%(count)s percent"), { count: percent }));
  }

  /** @param {Player} player @param {SkipVote | null} vote */
  #drawChips({ item }, vote) {
    const person = item?.requested_by ?? null;
    const key = item ? `${item.id} ${person && nameOf(person)} ${item.track.is_live} ${vote?.votes} ${vote?.needed}` : "";
    if (key === this.#chipsKey) return;
    this.#chipsKey = key;
    const chips = [];
    if (person) {
      const name = element("strong", {}, element("bdi", {}, isMe(person) ? gettext("you") : nameOf(person)));
      chips.push(element("li", { class: "chip" }, avatar({ ...person, name: nameOf(person) }),
        element("span", {}, ...interpolateNodes(gettext("Added by %(name)s"), { name }))));
    }
    if (item?.track.is_live) chips.push(element("li", { class: "chip" }, icon("radio"), gettext("Live radio")));
    if (vote) chips.push(element("li", { class: "chip" }, icon("skip-forward"), interpolate(gettext("%(votes)s of %(needed)s votes to skip"), { ...vote })));
    byId("now-chips").replaceChildren(...chips);
  }
}

/** Artist and album, each in its own direction, or the line that replaces them. @param {HTMLElement} node @param {Look} look */
function drawLine(node, { line, track }) {
  const parts = line ? [line] : partsOf(track);
  const key = parts.join("\n");
  if (node.dataset.drawn === key) return;
  node.dataset.drawn = key;
  node.replaceChildren(...parts.flatMap((part, place) => (place ? [" · ", element("bdi", {}, part)] : [element("bdi", {}, part)])));
}

/** @param {Track | null} track @returns {string[]} */
function partsOf(track) {
  return [track?.artist, track?.album].filter((part) => typeof part === "string" && part !== "").map(String);
}

/**
 * @param {QueueItem | null} item
 * @param {Rights | null} can
 * @returns {[string, boolean]} the button's label, and whether it is enabled
 */
function skipping(item, can) {
  if (!can || can.skip === "now" || isMe(item?.requested_by ?? null)) return [gettext("Skip this track"), true];
  return can.skip === "vote" ? [gettext("Vote to skip this track"), true] : [gettext("Only DJs can skip tracks that others added"), false];
}

/**
 * Send one command a press: the button is busy until the server answers.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<unknown>} act
 */
async function whileBusy(button, act) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  await act();
  button.removeAttribute("aria-busy");
}

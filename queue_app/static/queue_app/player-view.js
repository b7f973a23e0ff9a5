/** The current track: large at the top, and in the bar that is always in view. */

import { LOOPS } from "./announcements.js";
import { showArtwork } from "./artwork.js";
import { avatar, byId, element, icon, setAttribute, setText } from "../backline/js/dom.js";
import { isMe, nameOf, titleOf } from "../backline/js/format.js";
import { gettext, interpolate, interpolateNodes } from "../backline/js/i18n.js";
import { SeekView } from "./seek-view.js";
import { VolumeView } from "./volume-view.js";

/**
 * @import { Player, QueueItem, Rights, SkipVote, Track } from "../client/types.d.ts"
 * @import { Button, Look } from "./player-look.js"
 */

/** @type {Record<Player["loop"], Player["loop"]>} */
const NEXT_LOOP = { off: "queue", queue: "track", track: "off" };
/** @type {Record<Player["loop"], string>} */
const LOOP_WORDS = { off: gettext("off"), track: gettext("current track"), queue: gettext("queue") };

export class PlayerView {
  #now = byId("now");
  #bar = byId("player");
  /** @type {HTMLButtonElement} */
  #round = byId("pause");
  /** @type {HTMLButtonElement} */
  #skip = byId("skip");
  /** @type {HTMLButtonElement} */
  #previous = byId("previous");
  /** @type {HTMLButtonElement} */
  #replay = byId("replay");
  /** @type {HTMLButtonElement} */
  #stop = byId("stop");
  /** @type {HTMLButtonElement} */
  #loop = byId("loop");
  /** @type {Player["loop"]} */
  #looping = "off";
  #chipsKey = "";
  #buttonsKey = "";
  #onPress;
  #seek;
  #volume;
  /** @type {Look | null} */
  #look = null;

  /**
   * @param {object} options
   * @param {(button: Button) => Promise<unknown>} options.onPress
   * @param {() => Promise<unknown>} options.onSkip
   * @param {(volume: number) => Promise<unknown>} options.onVolume
   * @param {(positionMs: number) => Promise<unknown>} options.onSeek
   * @param {() => Promise<unknown>} options.onPrevious
   * @param {() => Promise<unknown>} options.onReplay
   * @param {() => Promise<unknown>} options.onStop
   * @param {(loop: Player["loop"]) => Promise<unknown>} options.onLoop
   */
  constructor({ onPress, onSkip, onVolume, onSeek, onPrevious, onReplay, onStop, onLoop }) {
    this.#onPress = onPress;
    this.#seek = new SeekView(onSeek);
    this.#volume = new VolumeView(onVolume);
    for (const [button, act] of /** @type {const} */ ([[this.#previous, onPrevious], [this.#replay, onReplay], [this.#stop, onStop]])) {
      button.addEventListener("click", () => whileBusy(button, act));
    }
    this.#loop.addEventListener("click", () => whileBusy(this.#loop, () => onLoop(NEXT_LOOP[this.#looping])));
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
    const glow = (/** @type {string | null} */ color) => this.#now.style.setProperty("--art", color ?? "transparent");
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
    this.#drawSteering(player, can, look.cold);
    this.#volume.draw(player.volume);
    const page = `${sounding ? title : byId("guild-name").textContent} · Backline`;
    if (document.title !== page) document.title = page;
  }

  /** The buttons beside pause and skip. @param {Player} player @param {Rights | null} can @param {boolean} cold */
  #drawSteering({ item, loop }, can, cold) {
    const [jumpWords, mayJump] = jumping(item, can);
    const jumps = /** @type {const} */ ([[this.#previous, gettext("Previous track")], [this.#replay, gettext("Start this track over")]]);
    for (const [button, words] of jumps) {
      button.disabled = cold || !mayJump || (button === this.#replay && !item);
      setAttribute(button, "aria-label", mayJump ? words : jumpWords);
      button.title = mayJump ? words : jumpWords;
    }
    if (this.#look) this.#seek.draw(this.#look, !cold && mayJump && Boolean(item?.track.duration_ms) && !item?.track.is_live);
    this.#stop.hidden = can?.clear === false;
    this.#stop.disabled = cold;
    this.#looping = loop;
    this.#loop.disabled = cold;
    this.#loop.dataset.loop = loop;
    setAttribute(this.#loop, "aria-label", interpolate(gettext("Loop: %(what)s"), { what: LOOP_WORDS[loop] }));
    this.#loop.title = LOOPS[loop];
  }

  /** @param {number} positionMs */
  drawPosition(positionMs) {
    this.#seek.drawPosition(positionMs);
  }

  /** Make it louder, or quieter. @param {1 | -1} direction */
  stepVolume(direction) {
    this.#volume.step(direction);
  }

  /** Press one of the buttons, as a key does. @param {"round" | "skip" | "previous" | "loop"} name */
  press(name) {
    const button = { round: this.#round, skip: this.#skip, previous: this.#previous, loop: this.#loop }[name];
    if (!button.disabled) button.click();
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
 * Whether a person may go to another track or position: only people who can skip the current track without a vote may.
 * @param {QueueItem | null} item the current one
 * @param {Rights | null} can
 * @returns {[string, boolean]} the reason why not, and whether they may
 */
export function jumping(item, can) {
  const may = !can || !item || can.seek || isMe(item.requested_by);
  return [gettext("Only DJs and the requester of the current track can do this"), may];
}

/**
 * Send one command for each press: the button is busy until the server responds.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<unknown>} act
 */
async function whileBusy(button, act) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  await act();
  button.removeAttribute("aria-busy");
}

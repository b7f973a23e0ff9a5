/**
 * The media keys of a keyboard, a headset and a phone's lock screen, and what that screen shows
 * (https://www.w3.org/TR/mediasession/).
 *
 * Browsers show these controls only for a page that plays sound, but here the sound is in Discord. So a phone plays
 * silence while a track plays, from the first touch of the page on.
 */

import { titleOf } from "../backline/js/format.js";

/**
 * @import { Player } from "../client/types.d.ts"
 *
 * @typedef {object} Keys what the keys do
 * @property {() => void} play
 * @property {() => void} pause
 * @property {() => void} next
 * @property {() => void} previous
 * @property {(positionMs: number) => void} seek
 */

const SKIP_SECONDS = 10;

export class MediaKeys {
  #session = navigator.mediaSession;
  #keys;
  #positionMs = 0;
  #shown = "";
  /** @type {HTMLAudioElement | null} */
  #silence = null;

  /** @param {Keys} keys */
  constructor(keys) {
    this.#keys = keys;
    if (this.#session && matchMedia("(pointer: coarse)").matches) {
      // A browser lets a page play sound only after its user has touched it.
      document.addEventListener("click", () => this.#prepare(), { once: true, capture: true });
    }
  }

  /** @param {Player} player @param {number} positionMs @param {boolean} live whether the keys would reach the server */
  draw(player, positionMs, live) {
    const session = this.#session;
    if (!session) return;
    this.#positionMs = positionMs;
    const item = live ? player.item : null;
    session.playbackState = !item ? "none" : player.status === "playing" ? "playing" : "paused";
    const key = item ? `${item.id} ${item.track.title} ${item.track.artwork_url ?? ""}` : "";
    if (key !== this.#shown) {
      this.#shown = key;
      session.metadata = item && new MediaMetadata({
        title: titleOf(item.track),
        artist: item.track.artist ?? "",
        artwork: item.track.artwork_url ? [{ src: item.track.artwork_url }] : [],
      });
      this.#assign(Boolean(item), Boolean(item && item.track.duration_ms && !item.track.is_live));
    }
    const duration = (item?.track.duration_ms ?? 0) / 1000;
    session.setPositionState?.(duration ? { duration, position: Math.min(positionMs / 1000, duration) } : undefined);
    this.#sound(session.playbackState === "playing");
  }

  /** @param {boolean} playing whether there is a track @param {boolean} seekable */
  #assign(playing, seekable) {
    const { play, pause, next, previous, seek } = this.#keys;
    /** @param {number} seconds */
    const by = (seconds) => seek(Math.max(0, this.#positionMs + seconds * 1000));
    /** @type {[MediaSessionAction, MediaSessionActionHandler | null][]} */
    const handlers = [
      ["play", playing ? play : null],
      ["pause", playing ? pause : null],
      ["nexttrack", playing ? next : null],
      ["previoustrack", playing ? previous : null],
      ["seekto", seekable ? ({ seekTime = 0 }) => seek(seekTime * 1000) : null],
      ["seekbackward", seekable ? ({ seekOffset }) => by(-(seekOffset ?? SKIP_SECONDS)) : null],
      ["seekforward", seekable ? ({ seekOffset }) => by(seekOffset ?? SKIP_SECONDS) : null],
    ];
    for (const [action, handler] of handlers) {
      try {
        this.#session.setActionHandler(action, handler);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // this browser does not know the key
      }
    }
  }

  #prepare() {
    this.#silence = new Audio(new URL("./silence.mp3", import.meta.url).href);
    this.#silence.loop = true;
    this.#sound(this.#session.playbackState === "playing");
  }

  /** @param {boolean} playing */
  #sound(playing) {
    const silence = this.#silence;
    if (!silence || silence.paused !== playing) return;
    if (playing) silence.play().catch(() => {}); // the browser refuses: the lock screen shows nothing
    else silence.pause();
  }
}

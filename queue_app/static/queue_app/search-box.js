/**
 * Search and add. A combobox over a grid (WAI-ARIA 1.2): up and down choose a track, left and right
 * what to do with it; the focus stays in the input.
 */

import { ApiError } from "../client/errors.js";
import { toast } from "../backline/js/announce.js";
import { showArtwork } from "./artwork.js";
import { byId, element, icon, setText } from "../backline/js/dom.js";
import { duration, isolated, linkIn, readableUrl, titleOf } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/**
 * @import { Track } from "../client/types.d.ts"
 *
 * @typedef {{position: "end" | "next", track: Track | null}} AddOptions
 */

const DEBOUNCE_MS = 180;
const SLOW_MS = 350;

export class SearchBox {
  #root = byId("search");
  /** @type {HTMLInputElement} */
  #input = byId("search-input");
  #panel = byId("search-panel");
  #grid = byId("search-results");
  #note = byId("search-note");
  #keys = byId("search-keys");
  #search;
  #isLive;
  #onAdd;
  /** @type {Track[]} */
  #tracks = [];
  /** The query that `#tracks` answers. */
  #answered = "";
  #row = -1;
  #cell = 0;
  /** @type {AbortController | null} */
  #request = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {object} options
   * @param {(query: string, signal?: AbortSignal) => Promise<Track[]>} options.search
   * @param {() => boolean} options.isLive whether the server can be asked
   * @param {(query: string, options: AddOptions) => void} options.onAdd
   */
  constructor({ search, isLive, onAdd }) {
    this.#search = search;
    this.#isLive = isLive;
    this.#onAdd = onAdd;
    this.#input.addEventListener("input", () => this.#changed());
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
    this.#input.addEventListener("focus", () => this.#show(this.#input.value.trim() !== ""));
    this.#root.addEventListener("focusout", (event) => {
      if (!this.#root.contains(/** @type {Node | null} */ (event.relatedTarget))) this.#show(false);
    });
    // Without this a press in the list would take the focus, and close the list before the click.
    this.#panel.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  #changed() {
    const query = this.#input.value.trim();
    clearTimeout(this.#timer);
    this.#request?.abort();
    if (!query) {
      this.#list([], "", "");
      this.#show(false);
    } else if (linkIn(query)) {
      this.#list([urlTrack(query)], query, "");
      this.#show(true);
    } else {
      this.#timer = setTimeout(() => this.#ask(query), DEBOUNCE_MS);
    }
  }

  /** @param {string} query */
  async #ask(query) {
    const request = new AbortController();
    this.#request = request;
    const slow = setTimeout(() => this.#list([], "", gettext("Searching…")), SLOW_MS);
    this.#show(true);
    try {
      const tracks = await this.#search(query, request.signal);
      if (request.signal.aborted) return;
      this.#list(tracks, query, tracks.length ? "" : nothingMatches(query));
    } catch (error) {
      if (!request.signal.aborted) this.#list([], "", reasonOf(error));
    } finally {
      clearTimeout(slow);
    }
  }

  /**
   * @param {Track[]} tracks
   * @param {string} query what they answer
   * @param {string} note shown below or in place of them
   */
  #list(tracks, query, note) {
    this.#tracks = tracks;
    this.#answered = query;
    const told = tellApart(tracks);
    this.#grid.replaceChildren(...tracks.map((track, row) => this.#render(track, row, told[row])));
    this.#keys.hidden = !tracks.length;
    this.#grid.scrollTop = 0;
    setText(this.#note, note);
    this.#activate(-1, 0);
  }

  /** @param {Track} track @param {number} row @param {string[]} words that distinguish it from the others */
  #render(track, row, words) {
    const art = element("span", { class: "art art-row" });
    showArtwork(art, track);
    const main = element(
      "div",
      { class: "result-main", role: "gridcell", id: `result-${row}-0` },
      art,
      element("span", { class: "line" },
        element("span", { class: "line-title", dir: "auto" }, titleOf(track)),
        element("span", { class: "line-sub" }, ...words.flatMap((part, place) => [place ? " · " : "", element("bdi", {}, part)]))),
      element("span", { class: "row-time" },
        track.is_live ? gettext("live") : track.duration_ms === null ? "" : duration(track.duration_ms)),
    );
    main.addEventListener("click", () => this.#add(track, "end"));
    const next = element("div", { class: "result-next", role: "gridcell", id: `result-${row}-1` },
      icon("list-start"), element("span", {}, gettext("Play next")));
    next.addEventListener("click", () => this.#add(track, "next"));
    return element("div", { class: "result", role: "row" }, main, next);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing) return;
    const last = this.#tracks.length - 1;
    switch (event.key) {
      case "ArrowDown":
        this.#activate(this.#row >= last ? -1 : this.#row + 1, this.#cell);
        break;
      case "ArrowUp":
        this.#activate(this.#row < 0 ? last : this.#row - 1, this.#cell);
        break;
      case "ArrowRight":
      case "ArrowLeft":
        if (this.#row < 0) return;
        this.#activate(this.#row, event.key === "ArrowRight" ? 1 : 0);
        break;
      case "Enter":
        this.#enter(event.shiftKey);
        break;
      case "Escape":
        if (this.#panel.hidden) this.#input.blur();
        else this.#show(false);
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  /** @param {boolean} next */
  #enter(next) {
    const query = this.#input.value.trim();
    if (!query) return;
    if (this.#row >= 0) {
      this.#add(this.#tracks[this.#row], next || this.#cell === 1 ? "next" : "end");
    } else if (this.#answered === query && this.#tracks.length) {
      this.#add(this.#tracks[0], next ? "next" : "end");
    } else if (this.#answered !== query) {
      this.#addBest(query, next ? "next" : "end");
    }
  }

  /**
   * Enter was pressed before the search answered: the server picks the best match. A query without a match is not
   * added, unless there is no connection.
   * @param {string} query @param {"end" | "next"} position
   */
  async #addBest(query, position) {
    this.#clear();
    let refusal = "";
    try {
      if (this.#isLive() && !(await this.#search(query)).length) refusal = nothingMatches(query);
    } catch (error) {
      if (error instanceof ApiError && !error.temporary) refusal = reasonOf(error);
    }
    if (refusal) this.#putBack(query, refusal);
    else this.#onAdd(query, { position, track: null });
  }

  /** Put a query back to be corrected, unless the next one is being typed. @param {string} query @param {string} note */
  #putBack(query, note) {
    if (this.#input.value) {
      toast(note);
      return;
    }
    this.#input.value = query;
    this.#list([], query, note);
    this.#show(true);
  }

  /** @param {Track} track @param {"end" | "next"} position */
  #add(track, position) {
    this.#submit(track.uri, { position, track });
  }

  /** @param {string} query @param {AddOptions} options */
  #submit(query, options) {
    this.#clear();
    this.#onAdd(query, options);
  }

  #clear() {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#input.value = "";
    this.#list([], "", "");
    this.#show(false);
  }

  /** @param {number} row -1: none @param {number} cell 0 adds to the end, 1 plays next */
  #activate(row, cell) {
    for (const active of this.#grid.querySelectorAll("[data-active], [data-active-cell]")) {
      active.removeAttribute("data-active");
      active.removeAttribute("data-active-cell");
    }
    this.#row = row;
    this.#cell = row < 0 ? 0 : cell;
    const target = row < 0 ? null : document.getElementById(`result-${row}-${this.#cell}`);
    if (!target) {
      this.#input.removeAttribute("aria-activedescendant");
      return;
    }
    this.#show(true);
    target.setAttribute("data-active-cell", "");
    target.parentElement?.setAttribute("data-active", "");
    target.scrollIntoView({ block: "nearest" });
    this.#input.setAttribute("aria-activedescendant", target.id);
  }

  /** @param {boolean} open */
  #show(open) {
    this.#panel.hidden = !open;
    this.#input.setAttribute("aria-expanded", String(open));
  }
}

/** @param {string} query */
function nothingMatches(query) {
  return interpolate(gettext("Nothing in the library matches “%(query)s”."), { query: isolated(query) });
}

/**
 * The words under each title: artist and album, and a number if several tracks look the same.
 * @param {Track[]} tracks
 * @returns {string[][]}
 */
function tellApart(tracks) {
  const seen = tracks.map((track) => (
    track.uri === track.url ? [gettext("Add this link")] : [track.artist, track.album].filter((part) => part != null && part !== "").map(String)
  ));
  const keys = tracks.map((track, row) => JSON.stringify([titleOf(track), track.duration_ms, ...seen[row]]));
  return seen.map((words, row) => {
    const same = keys.filter((key) => key === keys[row]).length;
    const place = keys.slice(0, row + 1).filter((key) => key === keys[row]).length;
    return same > 1 ? [...words, interpolate(gettext("%(place)s of %(total)s"), { place, total: same })] : words;
  });
}

/** @param {string} url @returns {Track} a link as it is shown before the server has seen it */
function urlTrack(url) {
  return {
    uri: url, title: readableUrl(url), artist: null, album: null, url, duration_ms: null, artwork_url: null, source: "",
    is_live: false,
  };
}

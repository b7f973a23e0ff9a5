/** The queue with all that acts on it: rows, menus, dragging, selection and tools. */

import { NetworkError } from "../client/errors.js";
import { openMenu } from "./menu.js";
import { QueueActs } from "./queue-acts.js";
import { makeDraggable } from "./queue-drag.js";
import { QueueTools } from "./queue-tools.js";
import { QueueView } from "./queue-view.js";
import { toast } from "../backline/js/announce.js";
import { byId } from "../backline/js/dom.js";
import { isolated } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/**
 * @import { GuildStore } from "../client/guild.js"
 * @import { RestClient } from "../client/rest.js"
 * @import { Hearts } from "./hearts.js"
 */

/** After a page of the queue could not be loaded, it is not asked for again before this time. */
const LOAD_AGAIN_MS = 5_000;

export class QueueRoom {
  #store;
  #view;
  #tools;
  #loadAgainAt = 0;

  /** @param {{store: GuildStore, rest: RestClient, hearts: Hearts, showShortcuts: () => void}} options */
  constructor({ store, rest, hearts, showShortcuts }) {
    this.#store = store;
    const acts = new QueueActs({ store, rest, hearts });
    /** @type {QueueView} */
    const view = new QueueView({
      hearts,
      entries: (line) => acts.entries(line, (id) => view.selection.toggle(id)),
      menu: (line, at, anchor) => {
        const entries = view.entriesOf(line);
        const label = interpolate(gettext("More for %(title)s"), { title: isolated(line.title) });
        if (entries.length) openMenu({ label, entries, at, anchor });
      },
      drop: (ids, after) => acts.drop(ids, after),
      need: (count) => void this.#load(count),
      selected: () => this.#tools.tell(),
    });
    this.#view = view;
    this.#tools = new QueueTools({ store, view, acts, showShortcuts });
    makeDraggable(byId("queue"), view);
  }

  /** @param {boolean} live whether there is a connection */
  draw(live) {
    const { player, rows, queueTotal: total, hasMore, failed, positionMs, can } = this.#store;
    if (!player || !rows) return;
    this.#view.draw({ rows, total, hasMore, failed, player, positionMs, live, can });
    this.#tools.draw();
  }

  /** Scroll to the viewer's first unsent change. */
  showChanges() {
    this.#view.showChanges();
  }

  /** @param {number} count of rows */
  async #load(count) {
    if (!this.#store.isLive || performance.now() < this.#loadAgainAt) return;
    try {
      await this.#store.loadUpTo(count);
    } catch (error) {
      this.#loadAgainAt = performance.now() + LOAD_AGAIN_MS;
      const consequence = gettext("Could not load the rest of the queue.");
      if (!(error instanceof NetworkError)) toast(`${consequence} ${reasonOf(error)}`);
    }
  }
}

/** The buttons that undo and redo the viewer's newest change. Each names what it will do. */

import { byId, setAttribute, setText } from "../backline/js/dom.js";
import { isolated } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";

/** @import { GuildSyncEvent, Undoable, Undoing } from "../client/types.d.ts" */

/** Events within this time cause only one read. */
const PAUSE_MS = 150;

export class UndoView {
  #read;
  #isTurning;
  /** @type {Undoing} */
  #changes = { undo: null, redo: null };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Counts the reads: answers to earlier ones are dropped. */
  #reads = 0;

  /**
   * @param {object} options
   * @param {() => Promise<Undoing>} options.read
   * @param {(change: Undoable) => boolean} options.isTurning whether it is being undone or redone
   * @param {(change: Undoable) => Promise<unknown>} options.onUndo
   * @param {(change: Undoable) => Promise<unknown>} options.onRedo
   */
  constructor({ read, isTurning, onUndo, onRedo }) {
    this.#read = read;
    this.#isTurning = isTurning;
    for (const [name, act] of /** @type {const} */ ([["undo", onUndo], ["redo", onRedo]])) {
      byId(name).addEventListener("click", () => {
        const change = this.#changes[name];
        if (change && !isTurning(change)) act(change);
      });
    }
  }

  /** Read what can be undone again if these events may have changed it. @param {GuildSyncEvent[]} events @param {string | undefined} userId */
  follow(events, userId) {
    const mine = (/** @type {GuildSyncEvent} */ { metadata }) => metadata.userId === userId || metadata.undoes || metadata.redoes;
    if (!events.some(mine)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), PAUSE_MS);
  }

  async refresh() {
    const read = ++this.#reads;
    const changes = await this.#read().catch(() => null);
    if (read !== this.#reads || !changes) return; // without a connection, the last known ones stay
    this.#changes = { undo: named(changes.undo), redo: named(changes.redo) };
    this.draw();
  }

  draw() {
    const words = { undo: gettext("Undo: %(change)s"), redo: gettext("Redo: %(change)s") };
    for (const name of /** @type {const} */ (["undo", "redo"])) {
      const change = this.#changes[name];
      const button = byId(name);
      button.hidden = !change;
      if (!change) continue;
      const label = interpolate(words[name], { change: isolated(change.sentence) });
      setText(button.children[1], label);
      button.title = label;
      setAttribute(button, "aria-disabled", this.#isTurning(change) ? "true" : null);
    }
  }
}

/** Return the change with its sentence without the full stop, so that it can be part of another. @param {Undoable | null} change */
function named(change) {
  return change && { ...change, sentence: change.sentence.replace(/\.$/, "") };
}

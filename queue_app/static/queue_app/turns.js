/** Undoing and redoing: from the message about the viewer's last change, from the feed, and from the buttons above the queue. */

import { ActivityView } from "./activity-view.js";
import { attempt, consequence } from "./attempts.js";
import { announce, propose, toast } from "../backline/js/announce.js";
import { isMe } from "../backline/js/format.js";
import { gettext, interpolate, ngettext } from "../backline/js/i18n.js";
import { UndoView } from "./undo-view.js";

/**
 * @import { GuildStore } from "../client/guild.js"
 * @import { GuildSyncEvent, Undoable } from "../client/types.d.ts"
 */

export class Turns {
  #store;
  /** The changes that are being undone or redone, by their seq. @type {Set<number>} */
  #turning = new Set();
  #buttons;

  /** @param {{store: GuildStore, channelName: (id: string | null) => string}} options */
  constructor({ store, channelName }) {
    this.#store = store;
    this.feed = new ActivityView({ channelName, onTurn: (what, change) => this.#turn(what, change) });
    this.#buttons = new UndoView({
      read: () => store.readUndo(),
      isTurning: this.#isTurning,
      onUndo: (change) => this.#turn("undo", change),
      onRedo: (change) => this.#turn("redo", change),
    });
  }

  /**
   * Show new events in the feed.
   * @param {GuildSyncEvent[]} events
   * @param {string | undefined} userId
   * @returns {() => void} offers to undo what the viewer has just done
   */
  follow(events, userId) {
    const deeds = this.feed.add(events);
    this.#buttons.follow(events, userId);
    return () => this.#offer(deeds);
  }

  /** Read what the viewer can undo. */
  refresh() {
    this.#buttons.refresh();
  }

  draw() {
    this.#buttons.draw();
    this.feed.drawTurns({ ...this.#situation, isTurning: this.#isTurning });
  }

  /** What decides which changes can be undone. */
  get #situation() {
    const { can, head } = this.#store;
    return { can, head, mayWait: (/** @type {string} */ id) => this.#store.mayWait(id) };
  }

  /** @param {Undoable} change */
  #isTurning = (change) => this.#turning.has(change.seq) || this.#store.isTurning(change);

  /** Undo or redo a change. What it did is shown by its events, and what it left out by a message. @param {"undo" | "redo"} what @param {Undoable} change */
  async #turn(what, change) {
    if (this.#isTurning(change)) return;
    this.#turning.add(change.seq);
    this.draw();
    await attempt(async () => {
      const result = await this.#store[what](change);
      this.refresh();
      if (result) tellLeftOut(result.left_out);
    }, consequence(what === "undo" ? "Undo" : "Redo", change.sentence));
    this.#turning.delete(change.seq);
    this.draw();
  }

  /** @param {GuildSyncEvent[][]} deeds */
  #offer(deeds) {
    for (const group of deeds) {
      if (!isMe({ id: group[0].metadata.userId ?? "" })) continue;
      const change = this.feed.undoable(group, this.#situation);
      if (!change) continue;
      announce(interpolate(gettext("%(change)s. Press U to undo."), { change: change.sentence }));
      propose(change.sentence, { words: gettext("Undo"), icon: "undo-2", key: "u", act: () => this.#turn("undo", change) });
    }
  }
}

/** @param {{item_id: string, reason: string}[]} left */
function tellLeftOut(left) {
  if (!left.length) return;
  if (left.every(({ reason }) => reason === "WOULD_INTERRUPT")) toast(gettext("The track is next. You cannot interrupt the current one."));
  else toast(interpolate(ngettext("%(count)s track could not be restored.", "%(count)s tracks could not be restored.", left.length), { count: left.length }));
}

/** The tools above the queue: those of the whole queue, or those of the selected rows. */

import { announce, toast } from "../backline/js/announce.js";
import { byId, setText } from "../backline/js/dom.js";
import { gettext, interpolate, ngettext } from "../backline/js/i18n.js";
import { attempt } from "./attempts.js";
import { askName } from "./dialogs.js";
import { openMenu } from "./menu.js";

/**
 * @import { GuildStore } from "../client/guild.js"
 * @import { QueueItem } from "../client/types.d.ts"
 * @import { Entry } from "./menu.js"
 * @import { QueueActs } from "./queue-acts.js"
 * @import { QueueView } from "./queue-view.js"
 */

export class QueueTools {
  #store;
  #view;
  #acts;
  #showShortcuts;

  /** @param {{store: GuildStore, view: QueueView, acts: QueueActs, showShortcuts: () => void}} options */
  constructor({ store, view, acts, showShortcuts }) {
    this.#store = store;
    this.#view = view;
    this.#acts = acts;
    this.#showShortcuts = showShortcuts;
    byId("queue-clear").addEventListener("click", () => attempt(() => store.clear(), gettext("Could not clear the queue.")));
    byId("shuffle").addEventListener("click", () => attempt(() => store.shuffle(), gettext("Could not shuffle the queue.")));
    byId("queue-menu").addEventListener("click", () => (
      openMenu({ label: gettext("More for the queue"), entries: this.#entries(), at: null, anchor: byId("queue-menu") })
    ));
    this.#wireSelection();
  }

  #wireSelection() {
    /** @type {[string, (items: QueueItem[]) => unknown][]} */
    const acts = [
      ["selection-next", (items) => this.#acts.move(idsOf(items), null)],
      ["selection-end", (items) => this.#acts.moveToEnd(idsOf(items))],
      ["selection-heart", (items) => this.#acts.addToFavorites(items.map(({ track }) => track))],
      ["selection-playlist", (items) => this.#acts.addToPlaylist(items.map(({ track }) => track))],
      ["selection-remove", (items) => this.#acts.remove(idsOf(items))],
      ["selection-clear", () => undefined],
    ];
    for (const [id, act] of acts) {
      byId(id).addEventListener("click", () => {
        const items = this.#view.selection.of(this.#view.rows).flatMap(({ item }) => item ?? []);
        this.#view.selection.clear();
        this.#view.focus(this.#view.activeIndex);
        act(items);
      });
    }
  }

  /** @returns {Entry[]} */
  #entries() {
    const { can, isLive } = this.#store;
    const store = this.#store;
    const tidy = can?.clear ? [
      { words: gettext("Remove duplicates"), icon: "copy", group: true, off: !isLive, act: () => this.#tidy(() => store.removeDuplicates(), gettext("There are no duplicates in the queue.")) },
      { words: gettext("Remove tracks of people who left"), icon: "users", off: !isLive, act: () => this.#tidy(() => store.removeAbsent(), gettext("Everyone who has tracks in the queue is in the voice channel.")) },
    ] : [];
    return [
      { words: gettext("Save as playlist"), icon: "list-plus", off: !isLive, act: () => askName((name, shared) => store.saveQueue(name, { shared })) },
      { words: gettext("Select all"), icon: "check", act: () => this.#view.selection.selectAll(this.#view.rows) },
      ...tidy,
      { words: gettext("Remove all your tracks"), icon: "list-x", bad: true, group: !tidy.length, act: () => attempt(() => store.clearMine()) },
      { words: gettext("Keyboard shortcuts"), icon: "keyboard", key: "?", group: true, act: this.#showShortcuts },
    ];
  }

  /** @param {() => Promise<{result: {removed: number}}>} act @param {string} nothing if it removed nothing */
  #tidy(act, nothing) {
    return attempt(async () => {
      if (!(await act()).result.removed) toast(nothing);
    });
  }

  /** Draw what the viewer may do. */
  draw() {
    const { can, rows, failed, queueTotal } = this.#store;
    const count = this.#view.selection.size;
    byId("queue-head").toggleAttribute("data-selecting", count > 0);
    byId("selection").hidden = !count;
    byId("queue-clear").hidden = !can?.clear || !(failed.length || rows?.some(({ item }) => item));
    byId("shuffle").hidden = can?.move === false || queueTotal < 2;
    setText(byId("selection-count"), interpolate(ngettext("%(count)s selected", "%(count)s selected", count), { count }));
    for (const id of ["selection-next", "selection-end"]) byId(id).hidden = can?.move === false;
  }

  /** Say how many rows are selected. */
  tell() {
    const count = this.#view.selection.size;
    announce(count ? interpolate(ngettext("%(count)s track selected", "%(count)s tracks selected", count), { count }) : gettext("Nothing selected"));
    this.draw();
  }
}

/** @param {QueueItem[]} items */
function idsOf(items) {
  return items.map(({ id }) => id);
}

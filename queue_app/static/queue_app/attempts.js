/** Commands that may fail: what did not happen, and why. */

import { SignedOutError } from "../client/errors.js";
import { toast } from "../backline/js/announce.js";
import { isolated, readableUrl, titleOf } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/** @import { Change } from "../client/types.d.ts" */

/** @param {Change["name"]} name of a command that failed @param {string} [title] of its track, if known */
export function consequence(name, title) {
  if (!title) return gettext("A change was not saved.");
  const texts = {
    AddTrack: gettext("Could not add “%(title)s”."),
    RetryItem: gettext("Could not retry “%(title)s”."),
    RemoveItem: gettext("Could not remove “%(title)s”."),
    MoveItem: gettext("Could not move “%(title)s”."),
    Undo: gettext("Could not undo “%(title)s”."),
    Redo: gettext("Could not redo “%(title)s”."),
  };
  const text = texts[/** @type {keyof typeof texts} */ (name)] ?? gettext("A change was not saved.");
  return interpolate(text, { title: isolated(title) });
}

/** @param {Change} change that was refused */
export function consequenceOf({ name, args, note }) {
  if (name !== "AddTrack") return consequence(name, note.title);
  return consequence(name, note.track ? titleOf(note.track) : readableUrl(args.query));
}

/**
 * Run a command, and show why it failed. A logout is shown by the state of the connection, once.
 * @param {() => Promise<unknown>} act
 * @param {string} [consequence]
 */
export async function attempt(act, consequence = "") {
  try {
    await act();
  } catch (error) {
    if (error instanceof SignedOutError) return;
    toast(`${consequence} ${reasonOf(error)}`.trim());
  }
}

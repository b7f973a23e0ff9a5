/** The reason of a failed request, for people. */

import { ApiError, NetworkError, SignedOutError } from "../../client/errors.js";
import { gettext } from "./i18n.js";

/**
 * The sentences about the fields if there are any, otherwise the sentence about the whole request.
 * @param {unknown} error
 * @returns {string}
 */
export function reasonOf(error) {
  if (error instanceof NetworkError) return gettext("The server cannot be reached.");
  if (error instanceof SignedOutError) return gettext("You are logged out. Log in again.");
  const reasons = error instanceof ApiError ? sentences(error.errors) : [];
  return [...new Set(reasons)].join(" ") || /** @type {Error} */ (error).message;
}

/** @param {unknown} errors sentences, or lists or objects of them: those of a list's entries stand under their place */
function sentences(errors) {
  /** @type {string[]} */
  const found = [];
  if (typeof errors === "string") found.push(errors);
  else for (const each of Object.values(errors ?? {})) found.push(...sentences(each));
  return found;
}

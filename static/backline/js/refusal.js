/** Why the server refused, for people. */

import { ApiError } from "../../client/errors.js";

/**
 * The sentences about the fields where there are some, else the one about the whole.
 * @param {unknown} error
 * @returns {string}
 */
export function reasonOf(error) {
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

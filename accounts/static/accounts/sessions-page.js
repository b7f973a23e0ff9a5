/** The account page: log out of sessions, delete the account. */

import { TokenSource, announceLogout, readCsrfCookie } from "../client/auth.js";
import { SignedOutError } from "../client/errors.js";
import { RestClient } from "../client/rest.js";
import { announce, toast } from "../backline/js/announce.js";
import { byId, setText } from "../backline/js/dom.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

const rest = new RestClient({ tokens: new TokenSource() });

byId("session-list").addEventListener("click", async (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-end]");
  const row = /** @type {HTMLElement | null} */ (button?.closest("[data-sid]") ?? null);
  if (!(button instanceof HTMLButtonElement) || !row) return;
  button.disabled = true;
  try {
    await rest.delete(`/api/auth/sessions/${row.dataset.sid}`);
  } catch (error) {
    button.disabled = false;
    complain(error);
    return;
  }
  if (row.querySelector(".tag")) {
    leave();
    return;
  }
  const name = row.querySelector("h3")?.textContent?.trim() ?? "";
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  /** @type {HTMLElement | null | undefined} */ (next?.querySelector("[data-end]"))?.focus();
  announce(interpolate(gettext("%(name)s was logged out."), { name }));
});

byId("end-all").addEventListener("click", async () => {
  // Sent with the cookie, which the response deletes.
  const headers = { Accept: "application/json", "X-CSRFToken": readCsrfCookie() };
  const answer = await fetch("/api/auth/logout-all", { method: "POST", headers }).catch(() => null);
  if (answer && (answer.ok || answer.status === 401)) leave();
  else toast(gettext("You are still logged in because the server could not log you out. Try again in a moment."));
});

/** @type {HTMLDialogElement} */
const dialog = byId("delete-dialog");
/** @type {HTMLInputElement} */
const name = byId("delete-name");
/** @type {HTMLButtonElement} */
const confirm = byId("delete-confirm");

byId("delete-open").addEventListener("click", () => {
  name.value = "";
  confirm.disabled = true;
  byId("delete-problem").hidden = true;
  dialog.showModal();
});
byId("delete-cancel").addEventListener("click", () => dialog.close());
name.addEventListener("input", () => {
  confirm.disabled = name.value.trim() !== name.dataset.expected;
});
byId("delete-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (confirm.disabled) return;
  confirm.disabled = true;
  try {
    await rest.delete("/api/auth/me");
    leave();
  } catch (error) {
    if (error instanceof SignedOutError) leave();
    confirm.disabled = false;
    const problem = byId("delete-problem");
    problem.hidden = false;
    setText(problem, interpolate(gettext("Your account was not deleted. %(reason)s"), { reason: reasonOf(error) }));
  }
});

/** @param {unknown} error */
function complain(error) {
  if (error instanceof SignedOutError) leave();
  else toast(interpolate(gettext("The session was not logged out. %(reason)s"), { reason: reasonOf(error) }));
}

/** Open the home page, which shows that nobody is logged in. */
function leave() {
  announceLogout();
  location.assign("/");
}

/** The menu that the person's own avatar opens. */

import { announceLogout, onLogout, readCsrfCookie } from "../../client/auth.js";
import { clearSnapshots } from "../../client/snapshots.js";
import { byId } from "./dom.js";

const menu = byId("account-menu");

document.addEventListener("click", (event) => {
  if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
});

menu.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu.hasAttribute("open")) return;
  menu.removeAttribute("open");
  menu.querySelector("summary")?.focus();
});

menu.querySelector("[data-logout]")?.addEventListener("click", async () => {
  const answer = await fetch("/api/auth/logout", { method: "POST", headers: { "X-CSRFToken": readCsrfCookie() } });
  if (answer.ok || answer.status === 401) {
    announceLogout();
    await clearSnapshots();
  }
  // The home page shows whether the logout worked.
  location.assign("/");
});

// A page with a connection shows by itself that nobody is logged in, and keeps unsent changes.
if (!document.getElementById("connection")) onLogout(() => location.assign("/"));

/** The menu behind one's own picture. */

import { announceLogout, onLogout, readCsrfCookie } from "../../client/auth.js";
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
  if (answer.ok || answer.status === 401) announceLogout();
  // Logged out or not, the start page shows which.
  location.assign("/");
});

// A page that follows a guild says itself that nobody is logged in, and keeps what was not sent yet.
if (!document.getElementById("connection")) onLogout(() => location.assign("/"));

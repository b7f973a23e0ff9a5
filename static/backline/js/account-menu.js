/** The menu behind one's own picture. */

import { readCsrfCookie } from "../../client/auth.js";
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
  await fetch("/api/auth/logout", { method: "POST", headers: { "X-CSRFToken": readCsrfCookie() } });
  // Logged out or not, the start page shows which.
  location.assign("/");
});

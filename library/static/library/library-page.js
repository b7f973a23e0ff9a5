/** The library: its buttons add tracks, albums, artists, folders and playlists to the queue of the chosen server. */

import { playOne, playWhole } from "./playlist-parts.js";

document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-add]");
  if (!(button instanceof HTMLButtonElement)) return;
  const { add: uri = "", name = "" } = button.dataset;
  if (/^(album|artist|folder|playlist):/.test(uri)) playWhole(button, uri);
  else playOne(button, uri, name);
});

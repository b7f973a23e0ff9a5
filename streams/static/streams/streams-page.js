/** The list of streams with their presence and newest pictures, and the dialog for a new one. */

import { Client } from "../client/client.js";
import { Streams } from "../client/streams.js";
import { showConnection } from "../backline/js/connection-pill.js";
import { byId, setText } from "../backline/js/dom.js";
import { gettext, interpolate, ngettext } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";
import { FRAME_TYPE } from "./stream-camera.js";

/** @import { PresenceNews } from "../client/stream.js" */

/** The time between two pictures: short enough to show movement, long enough for a page full of streams. */
const LOOK_MS = 2_000;
/** The limit of one connection. */
const MAX_STREAMS = 32;

const client = new Client({ baseUrl: location.origin, userId: document.body.dataset.userId });
const streams = new Streams({ baseUrl: location.origin, tokens: client.tokens });
/** @type {HTMLElement[]} */
const cards = [...document.querySelectorAll("[data-stream]")].map((card) => /** @type {HTMLElement} */ (card));

for (const [index, card] of cards.entries()) {
  if (index < MAX_STREAMS) follow(card);
  lookAt(card);
}
for (const change of ["online", "offline"]) addEventListener(change, () => streams.wake());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) streams.wake();
});

/** @param {HTMLElement} card */
function follow(card) {
  streams.register({
    streamId: card.dataset.stream ?? "",
    presence: true,
    onPresence: (news) => showPresence(card, news),
    onState: (state, problem) => {
      if (state === "refused") {
        leave(card);
        return;
      }
      showConnection(state, problem);  // all streams share one connection
      if (state === "waiting" || state === "signed_out") forget(card);
    },
  });
}

/** The stream was deleted, or is no longer shared. @param {HTMLElement} card */
function leave(card) {
  showPresence(card, { present: [], producing: 0, watching: 0 });
  setText(/** @type {Element} */ (card.querySelector("[data-presence]")), gettext("Deleted or no longer shared"));
}

/** Without a connection the presence is unknown. @param {HTMLElement} card */
function forget(card) {
  card.dataset.live = "unknown";
  /** @type {HTMLElement} */ (card.querySelector(".live-tag")).hidden = true;
  /** @type {HTMLElement} */ (card.querySelector("[data-watching]")).hidden = true;
  setText(/** @type {Element} */ (card.querySelector("[data-presence]")), gettext("Unknown while offline"));
}

/** @param {HTMLElement} card @param {PresenceNews} news */
function showPresence(card, { present, watching }) {
  const live = present.some(({ produces }) => produces.includes(FRAME_TYPE));
  card.dataset.live = String(live);
  /** @type {HTMLElement} */ (card.querySelector(".live-tag")).hidden = !live;
  setText(/** @type {Element} */ (card.querySelector("[data-presence]")), live ? gettext("Live now") : gettext("Not live"));
  const viewers = /** @type {HTMLElement} */ (card.querySelector("[data-watching]"));
  viewers.hidden = !watching;
  setText(viewers, interpolate(ngettext("%(count)s watching", "%(count)s watching", watching), { count: watching }));
}

/**
 * Keep showing the newest picture, one request at a time.
 * @param {HTMLElement} card
 */
async function lookAt(card) {
  const picture = /** @type {HTMLImageElement} */ (card.querySelector("[data-picture]"));
  if (card.dataset.live === "true" && !document.hidden) {
    const next = new Image();
    next.src = `/api/streams/${card.dataset.stream}/frame?at=${Date.now()}`;
    // Decoded before it is shown, so that it does not flicker. There may be no picture yet.
    await next.decode().then(() => {
      picture.src = next.src;
      picture.hidden = false;
    }, () => {});
  } else if (card.dataset.live === "false") {
    picture.hidden = true;
  }
  setTimeout(() => lookAt(card), LOOK_MS);
}

/** @type {HTMLDialogElement} */
const dialog = byId("create-dialog");
/** @type {HTMLInputElement} */
const name = byId("create-name");
/** @type {HTMLInputElement} */
const id = byId("create-id");
const problem = byId("create-problem");
/** @type {HTMLButtonElement} */
const confirm = byId("create-confirm");

byId("create-open").addEventListener("click", () => {
  problem.hidden = true;
  dialog.showModal();
});
byId("create-cancel").addEventListener("click", () => dialog.close());
byId("create-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  confirm.disabled = true;
  problem.hidden = true;
  const wanted = id.value.trim() ? { id: id.value.trim(), name: name.value.trim() } : { name: name.value.trim() };
  try {
    const made = await client.rest.post("/api/streams", wanted);
    location.assign(`/streams/${made.id}`);
  } catch (error) {
    problem.hidden = false;
    setText(problem, interpolate(gettext("Not created. %(reason)s"), { reason: reasonOf(error) }));
    confirm.disabled = false;
  }
});

/** The list of streams: who is on each, what it shows, and making a new one. */

import { Client } from "../client/client.js";
import { Streams } from "../client/streams.js";
import { showConnection } from "../backline/js/connection-pill.js";
import { byId, setText } from "../backline/js/dom.js";
import { reasonOf } from "../backline/js/refusal.js";
import { FRAME_TYPE } from "./stream-camera.js";

/** @import { PresenceNews } from "../client/stream.js" */

/** How often a picture is looked at again: enough to see that it moves, little for a page full of them. */
const LOOK_MS = 2_000;
/** As many as one connection may be on. */
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
      showConnection(state, problem);  // it is one connection for all of them
      if (state === "waiting" || state === "signed_out") forget(card);
    },
  });
}

/** It was deleted, or is not shared any more. @param {HTMLElement} card */
function leave(card) {
  showPresence(card, { present: [], producing: 0, watching: 0 });
  setText(/** @type {Element} */ (card.querySelector("[data-presence]")), "Not there any more");
}

/** Nothing is heard of it now: what is shown is the past. @param {HTMLElement} card */
function forget(card) {
  card.dataset.live = "unknown";
  /** @type {HTMLElement} */ (card.querySelector(".live-tag")).hidden = true;
  setText(/** @type {Element} */ (card.querySelector("[data-presence]")), "Not known without a connection");
}

/** @param {HTMLElement} card @param {PresenceNews} news */
function showPresence(card, { present, watching }) {
  const live = present.some(({ produces }) => produces.includes(FRAME_TYPE));
  card.dataset.live = String(live);
  /** @type {HTMLElement} */ (card.querySelector(".live-tag")).hidden = !live;
  const words = [live ? "Streaming" : "Nobody streams"];
  if (watching) words.push(`${watching} watching`);
  setText(/** @type {Element} */ (card.querySelector("[data-presence]")), words.join(", "));
}

/**
 * Show the newest picture again and again, one request at a time.
 * @param {HTMLElement} card
 */
async function lookAt(card) {
  const picture = /** @type {HTMLImageElement} */ (card.querySelector("[data-picture]"));
  if (card.dataset.live === "true" && !document.hidden) {
    const next = new Image();
    next.src = `/api/streams/${card.dataset.stream}/frame?at=${Date.now()}`;
    // Decoded before it is shown: no flicker. Somebody who streams may not have sent a picture yet.
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
    setText(problem, `Not made. ${reasonOf(error)}`);
    confirm.disabled = false;
  }
});

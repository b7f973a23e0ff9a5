/** The dashboard's cards: drawn again when something happens in a guild, with a position that moves in between. */

import { Client } from "../client/client.js";
import { EventLog } from "../client/log.js";
import { showConnection } from "../backline/js/connection-pill.js";
import { setText } from "../backline/js/dom.js";
import { duration } from "../backline/js/format.js";
import { LivePart } from "../backline/js/live-part.js";
import { showLost } from "../backline/js/lost.js";
import { drawArtwork } from "./sent-artwork.js";

/** So many guilds are followed. All others change only with LOOK_MS. */
const FOLLOWED = 20;
/** Who joins or leaves a voice channel is no event. */
const LOOK_MS = 15_000;
const TICK_MS = 500;

/** When each card was drawn. @type {WeakMap<Element, number>} */
const drawnAt = new WeakMap();
let live = true;
const part = new LivePart("rooms", (card) => {
  drawnAt.set(card, performance.now());
  drawArtwork(card, (color) => /** @type {HTMLElement} */ (card).style.setProperty("--art", color ?? "transparent"));
});

/** @param {string} guildId */
function cursorOf(guildId) {
  const { epoch = "", seq = "0" } = /** @type {HTMLElement | null} */ (document.querySelector(`[data-guild="${guildId}"]`))?.dataset ?? {};
  return { epoch, seq: Number(seq) };
}

const client = new Client({ baseUrl: location.origin, userId: document.body.dataset.userId });
const guilds = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#rooms [data-seq]"));
[...guilds].slice(0, FOLLOWED).forEach(({ dataset: { guild: id = "" } }, at) => {
  const log = new EventLog({
    client,
    instanceId: `guild:${id}`,
    takeSnapshot: async () => {
      await part.refresh();
      return cursorOf(id);
    },
    onEvents: () => part.soon(),
    onState: (state, problem) => {
      if (at) return; // all share one connection
      if (state === "live" && !live) part.soon();
      live = state === "live";
      showConnection(state, problem);
      showLost(state);
      document.body.toggleAttribute("data-offline", state !== "live" && state !== "connecting");
    },
  });
  log.start(cursorOf(id));
});
addEventListener("online", () => client.wake());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  client.wake();
  part.soon();
});
setInterval(() => { if (!document.hidden && live) part.soon(); }, LOOK_MS);
setInterval(() => { if (!document.hidden && live) tick(); }, TICK_MS);

function tick() {
  for (const now of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#rooms [data-moving]"))) {
    const card = now.closest("[data-key]");
    const { position, length } = now.dataset;
    const passed = performance.now() - ((card && drawnAt.get(card)) ?? performance.now());
    const at = Math.min(Number(position) + passed, Number(length) || Infinity);
    const clock = now.querySelector("[data-clock]");
    if (clock) setText(clock, duration(at));
    if (Number(length)) now.querySelector(".room-part")?.setAttribute("width", String(Math.round((1000 * at) / Number(length))));
  }
}

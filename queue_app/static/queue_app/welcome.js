/** The first steps of a new server: each is ticked when it is done, and all of them go when a track has been added. */

import { LivePart } from "../backline/js/live-part.js";

const LOOK_MS = 3_000;
const part = new LivePart("welcome");
const timer = setInterval(async () => {
  if (document.hidden) return;
  await part.refresh();
  if (!document.querySelector("#welcome > *")) clearInterval(timer);
}, LOOK_MS);

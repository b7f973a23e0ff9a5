/** The statistics of a guild: drawn by the server, and drawn again when a play ends. */

import { followPast } from "./past-parts.js";
import { drawArtwork } from "./sent-artwork.js";

const ENDS = new Set(["TrackFinished", "TrackSkipped", "TrackFailed", "TrackStarted"]);
followPast(({ name }) => ENDS.has(name), (part) => drawArtwork(part));

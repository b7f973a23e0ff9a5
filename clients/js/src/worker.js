/** The SharedWorker through which a browser's tabs share one connection. */

import { Host } from "./host.js";
import { IndexedDbStorage } from "./storage.js";
import { serveWorker } from "./tabs.js";

serveWorker(globalThis, new Host({ storage: new IndexedDbStorage() }));

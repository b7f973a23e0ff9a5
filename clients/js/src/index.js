export { TokenSource, fromSession } from "./auth.js";
export { Client } from "./client.js";
export { ApiError, NetworkError, SignedOutError, SyncError } from "./errors.js";
export { GuildStore } from "./guild.js";
export { applyEvent } from "./guild-events.js";
export { EventLog } from "./log.js";
export { RestClient } from "./rest.js";
export { IndexedDbStorage, MemoryStorage } from "./storage.js";
export { IndexedDbSnapshots, clearSnapshots } from "./snapshots.js";
export { Store } from "./store.js";
export { Streams } from "./streams.js";

/**
 * @typedef {import("./types.d.ts").Change} Change
 * @typedef {import("./types.d.ts").ChangeStorage} ChangeStorage
 * @typedef {import("./types.d.ts").ConnectionState} ConnectionState
 * @typedef {import("./events.d.ts").GuildEvent} GuildEvent
 * @typedef {import("./types.d.ts").GuildSyncEvent} GuildSyncEvent
 * @typedef {import("./stream.js").Stream} Stream
 * @typedef {import("./stream.js").StreamFrame} StreamFrame
 * @typedef {import("./stream.js").StreamMessage} StreamMessage
 * @typedef {import("./stream.js").StreamOptions} StreamOptions
 * @typedef {import("./types.d.ts").SyncEvent} SyncEvent
 * @typedef {import("./types.d.ts").TokenAnswer} TokenAnswer
 */

import { NetworkError, SyncError } from "./errors.js";

/**
 * @import { Commands } from "./commands.d.ts"
 * @import { NewChange, Place, Player, Track, Undoable } from "./types.d.ts"
 *
 * @typedef {{seq: number | null, result: Commands[Name]["result"]}} Answer `seq` of the last event that the command
 *   appended, or null if nothing changed
 * @template {keyof Commands} Name
 */

/** A method for each command. The store that extends it sends them, and shows those that are pending. @abstract */
export class GuildCommands {
  /** @returns {Player | null} */
  get player() {
    return null;
  }

  get positionMs() {
    return 0;
  }

  get isLive() {
    return false;
  }

  /**
   * Run a command now, or fail.
   * @template {keyof Commands} Name
   * @param {Name} name
   * @param {Commands[Name]["args"]} args
   * @returns {Promise<Answer<Name>>}
   */
  execute(name, args) {
    throw new Error("The store must implement this.");
  }

  /**
   * Run a command now or, while offline, later.
   * @template {keyof Commands} Name
   * @param {Name} name
   * @param {Commands[Name]["args"]} args
   * @param {Record<string, any>} note what to show while it is pending
   * @protected
   */
  async later(name, args, note) {
    throw new Error("The store must implement this.");
  }

  /**
   * Run a command now, and show at once what it will change.
   * @template {keyof Commands} Name
   * @param {Name} name
   * @param {Commands[Name]["args"]} args
   * @param {(player: Player) => Player} change
   * @param {{moves?: boolean}} [options] `moves`: it sets the position
   * @returns {Promise<Answer<Name>>}
   * @protected
   */
  predict(name, args, change, options) {
    throw new Error("The store must implement this.");
  }

  /** @param {string} itemId @returns {string | null} @protected */
  titleOf(itemId) {
    return null;
  }

  /** The pending commands, oldest first. @returns {NewChange[]} @protected */
  get pending() {
    return [];
  }

  // --- The queue ---

  /**
   * Add a track. While offline it stays in the rows as waiting, and is sent once, later.
   * @param {string} query words, a URL, or a track's `uri`
   * @param {{position?: Place, track?: Track | null}} [options]
   * @throws {SyncError} refused, and removed from the rows again
   */
  async add(query, { position = "end", track = null } = {}) {
    await this.later("AddTrack", { query, position }, { track });
  }

  /**
   * @param {string} itemId
   * @throws {SyncError} refused, and back in the rows
   */
  async remove(itemId) {
    try {
      await this.later("RemoveItem", { item_id: itemId }, { title: this.titleOf(itemId) });
    } catch (error) {
      if (!(error instanceof SyncError && error.code === "ITEM_NOT_FOUND")) throw error;
    }
  }

  /**
   * Add a track that failed, was played or was skipped again, at the end of the queue.
   * @param {string} itemId
   * @throws {SyncError} refused, and back among the failed
   */
  async retry(itemId) {
    await this.later("RetryItem", { item_id: itemId }, { title: this.titleOf(itemId) });
  }

  /**
   * Add several tracks, 1,000 at most. While offline they stay in the rows as waiting, and are sent once, later.
   * @param {string[]} uris library URIs and links
   * @param {{position?: Place, shuffle?: boolean, tracks?: Track[]}} [options] `tracks`: those of the uris
   * @throws {SyncError} refused, and removed from the rows again
   */
  async addAll(uris, { position = "end", shuffle = false, tracks = [] } = {}) {
    await this.later("AddTracks", { uris, position, shuffle }, { tracks });
  }

  /**
   * Add a whole album, artist, folder or playlist.
   * @param {string} uri its `uri`, or `favorites:`
   * @param {{position?: Place, shuffle?: boolean}} [options]
   */
  addWhole(uri, { position = "end", shuffle = false } = {}) {
    return this.execute("AddTracks", { from: uri, position, shuffle });
  }

  /** Save the current track and the queue as a new playlist. @param {string} name @param {{shared?: boolean}} [options] `shared`: a playlist of the guild */
  saveQueue(name, { shared = false } = {}) {
    return this.execute("SaveQueue", { name, shared });
  }

  /**
   * Remove several queued items, 1,000 at most: all of them, or none if one is not queued or not yours to remove.
   * @param {string[]} itemIds
   * @throws {SyncError} refused, and back in the rows
   */
  async removeAll(itemIds) {
    await this.later("RemoveItems", { item_ids: itemIds }, { title: itemIds.length === 1 ? this.titleOf(itemIds[0]) : null });
  }

  /** Remove tracks that are already in the queue, further to the front. */
  removeDuplicates() {
    return this.execute("RemoveDuplicates", {});
  }

  /** Remove tracks of people who are not in the bot's voice channel. */
  removeAbsent() {
    return this.execute("RemoveAbsent", {});
  }

  /** @param {string} itemId @param {string | null} after the item that it should follow; null for the front */
  async move(itemId, after) {
    await this.later("MoveItem", { item_id: itemId, after }, { title: this.titleOf(itemId) });
  }

  /**
   * Move several items to one place, in their order: all of them, or none if one is no longer in the queue.
   * @param {string[]} itemIds 1,000 at most
   * @param {string | null} [after] the item that they should follow; null for the front; undefined for the end
   */
  async moveAll(itemIds, after) {
    await this.later("MoveItems", { item_ids: itemIds, after }, { title: itemIds.length === 1 ? this.titleOf(itemIds[0]) : null });
  }

  /** Clear the queue, or remove the tracks of one person. @param {string} [whose] `all` or the id of a user */
  clear(whose = "all") {
    return this.execute("ClearQueue", { whose });
  }

  /**
   * Remove the user's own tracks from the queue.
   * @throws {SyncError} refused, and back in the rows
   */
  async clearMine() {
    await this.later("ClearQueue", { whose: "mine" }, {});
  }

  /** Put the queue in a random order. */
  shuffle() {
    return this.execute("ShuffleQueue", {});
  }

  // --- The player ---

  /** Skip the current track, or vote to. The result's `vote` is null when the track was skipped. */
  skip() {
    return this.execute("Skip", {});
  }

  /** Jump to a queued item. The tracks before it are skipped. @param {string} itemId */
  skipTo(itemId) {
    return this.execute("SkipTo", { item_id: itemId });
  }

  /** Go back to the previous track, or to the start of the current one after its first 3 seconds. */
  previous() {
    return this.execute("Previous", {});
  }

  /** Start the current track over. */
  replay() {
    return this.predict("Replay", {}, movedTo(this.player, 0), { moves: true });
  }

  /** @param {number} positionMs */
  seek(positionMs) {
    const position = Math.round(positionMs);
    return this.predict("Seek", { position_ms: position }, movedTo(this.player, position), { moves: true });
  }

  /** @param {number} deltaMs forward, or backward if negative */
  seekBy(deltaMs) {
    const delta = Math.round(deltaMs);
    return this.predict("Seek", { delta_ms: delta }, movedTo(this.player, this.positionMs + delta), { moves: true });
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    const position_ms = Math.round(this.positionMs);
    const change = paused ? pausedAt(position_ms) : resumedAt(position_ms);
    return this.predict(paused ? "Pause" : "Resume", {}, change, { moves: true });
  }

  /** End the current track, clear the queue and leave the voice channel. */
  stopPlayback() {
    return this.execute("Stop", {});
  }

  /** @param {number} volume percent, 0 to 200 */
  setVolume(volume) {
    return this.predict("SetVolume", { volume }, (player) => ({ ...player, volume }));
  }

  /** @param {Player["loop"]} loop what is repeated */
  setLoop(loop) {
    return this.predict("SetLoop", { loop }, (player) => ({ ...player, loop }));
  }

  /** @param {string | null} channelId null to leave voice */
  setVoiceChannel(channelId) {
    return channelId === null ? this.execute("LeaveVoice", {}) : this.execute("JoinVoice", { channel_id: channelId });
  }

  /** @param {Commands["ChangeSettings"]["args"]} settings those to change */
  changeSettings(settings) {
    return this.execute("ChangeSettings", settings);
  }

  // --- Undo ---

  /**
   * Undo a change. While offline, the undo must name the change, and is sent later.
   * @param {Undoable | null} [change] null: the user's newest change
   * @returns {Promise<Commands["Undo"]["result"] | null>} what was undone; null if it was sent later
   * @throws {ApiError | NetworkError | SignedOutError | SyncError}
   */
  undo(change = null) {
    return this.#turn("Undo", change);
  }

  /**
   * Redo a change that was undone. While offline, it must be named, and the redo is sent later.
   * @param {Undoable | null} [change] null: what the user undid last
   * @returns {Promise<Commands["Redo"]["result"] | null>} what was redone; null if it was sent later
   * @throws {ApiError | NetworkError | SignedOutError | SyncError}
   */
  redo(change = null) {
    return this.#turn("Redo", change);
  }

  /** Whether an undo or redo of the change is pending. @param {Undoable} change */
  isTurning({ seq }) {
    return this.pending.some(({ name, args }) => (name === "Undo" || name === "Redo") && args.seq === seq);
  }

  /** @template {"Undo" | "Redo"} Name @param {Name} name @param {Undoable | null} change @returns {Promise<Commands[Name]["result"] | null>} */
  async #turn(name, change) {
    if (this.isLive) return (await this.execute(name, { seq: change?.seq ?? null })).result;
    if (!change) throw new NetworkError();
    await this.later(name, { seq: change.seq }, { title: change.sentence });
    return null;
  }
}

/** The same track at another position. @param {Player | null} from @param {number} wantedMs @returns {(player: Player) => Player} */
function movedTo(from, wantedMs) {
  const position_ms = Math.max(0, Math.min(wantedMs, from?.item?.track.duration_ms ?? Infinity));
  return (player) => (player.item?.id === from?.item?.id ? { ...player, position_ms } : player);
}

/** @param {number} position_ms @returns {(player: Player) => Player} */
function pausedAt(position_ms) {
  return (player) => (player.status === "stopped" ? player : { ...player, status: "paused", position_ms, error: null });
}

/** As the server shows it until the bot reports that it plays. @param {number} position_ms @returns {(player: Player) => Player} */
function resumedAt(position_ms) {
  return (player) => (player.status === "paused" ? { ...player, status: player.item ? "connecting" : "idle", position_ms, error: null } : player);
}

import { SyncError, isRequestError } from "./errors.js";
import { FailedAges } from "./failed.js";
import { applyEvent } from "./guild-events.js";
import { EventLog } from "./log.js";
import { Position } from "./position.js";
import { withPage } from "./queue.js";
import { failedRows, queueRows } from "./rows.js";

export { applyEvent } from "./guild-events.js";

/**
 * @import { Client } from "./client.js"
 * @import { Commands } from "./commands.d.ts"
 * @import { GuildState } from "./guild-events.js"
 * @import { FailedRow, Row } from "./rows.js"
 * @import { Change, ConnectionState, GuildSyncEvent, Problem, QueuePage, Rights, Snapshot, Track, VoiceChannel } from "./types.d.ts"
 */

const REFRESH_TRIES = 3;
/** Of a longer queue, more is read as soon as fewer are left. */
const KNOWN = 100;

/**
 * One guild's queue and player, kept current through `/sync`, with what was asked for and is not yet so.
 *
 * Changes to the queue are pushed: without a network they wait, and are sent once there is one. What steers
 * the player goes over REST, now or not at all: a pause is not wanted an hour late.
 *
 * Over 400 lines with its types, as one class: each reader and command below stands on the same private state.
 */
export class GuildStore {
  #path;
  #client;
  #rest;
  #log;
  #onChange;
  #onEvents;
  #onReset;
  #onState;
  /** @type {GuildState | null} */
  #state = null;
  /** @type {Rights | null} */
  #can = null;
  /** @type {Position} */
  #position;
  /** @type {FailedAges} */
  #failedAges;
  /** Reads of rights begun, and whether the newest failed. */
  #rightsRead = 0;
  #rightsOld = false;
  #wasLive = false;
  /** What is being read of the queue, with what happens meanwhile. @type {{page: QueuePage | null, events: GuildSyncEvent[]} | null} */
  #more = null;

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {string} options.guildId
   * @param {() => void} [options.onChange] after anything shown may have changed
   * @param {(events: GuildSyncEvent[]) => void} [options.onEvents] after they are applied
   * @param {() => void} [options.onReset] the state was read again because the log does not go on from where this
   *   was: events between are not told. `readRecent` has those that are left, once the state is `live`
   * @param {(state: ConnectionState, problem: Problem | null) => void} [options.onState]
   * @param {(change: Change, error: Error) => void} [options.onLateRefusal] a change of an earlier page was
   *   refused, and is gone from the rows
   * @param {() => number} [options.now] monotonic milliseconds
   */
  constructor({
    client,
    guildId,
    onChange = () => {},
    onEvents = () => {},
    onReset = () => {},
    onState = () => {},
    onLateRefusal = () => {},
    now = () => performance.now(),
  }) {
    this.#path = `/api/guilds/${guildId}`;
    this.#client = client;
    this.#rest = client.rest;
    this.#position = new Position(now);
    this.#failedAges = new FailedAges(now);
    this.#onChange = onChange;
    this.#onEvents = onEvents;
    this.#onReset = onReset;
    this.#onState = onState;
    this.#log = new EventLog({
      client,
      instanceId: `guild:${guildId}`,
      takeSnapshot: async () => {
        const snapshot = await this.#takeSnapshot();
        this.#onReset();
        return snapshot;
      },
      onEvents: (events) => this.#apply(/** @type {GuildSyncEvent[]} */ (events)),
      onState: (state, problem) => this.#connectionChanged(state, problem),
      onPending: () => this.#onChange(),
      onRefused: onLateRefusal,
    });
  }

  /** Show the present at once, then follow. */
  async start() {
    let cursor = { epoch: "", seq: 0 };
    try {
      cursor = await this.#takeSnapshot();
    } catch (error) {
      // The connection meets the same trouble, tells it, and takes its own snapshot when it is over.
      if (!isRequestError(error)) throw error;
    }
    this.#log.start(cursor);
  }

  stop() {
    this.#log.stop();
  }

  /** The network may be back, or the machine has just woken. */
  wake() {
    this.#client.wake();
  }

  /** How many changes of this person's are on their way, those of other tabs included. */
  get pendingCount() {
    return this.#log.pending.length;
  }

  /** Null until the first snapshot. */
  get guild() {
    return this.#state?.guild ?? null;
  }

  /** @returns {VoiceChannel[]} */
  get voiceChannels() {
    return this.#state?.voice_channels ?? [];
  }

  /** Null until the first snapshot. */
  get player() {
    return this.#state?.player ?? null;
  }

  /** How the vote to skip the current track stands; null before the first vote. */
  get skipVote() {
    return this.#state?.skip_vote ?? null;
  }

  /** What this person may do by their roles; null until the first snapshot. */
  get can() {
    return this.#can;
  }

  /** Where the current track is now, in milliseconds. Without a connection it stands where it was last known. */
  get positionMs() {
    return this.#position.of(this.player);
  }

  /** @returns {FailedRow[]} what failed in the last ten minutes and was neither retried nor removed; newest last */
  get failed() {
    return failedRows(this.#failedAges.fresh(this.#state?.failed ?? []), this.#log.pending);
  }

  /** How many tracks wait, those that are not among the rows included. */
  get queueTotal() {
    return this.#state?.queue_total ?? this.#state?.queue.length ?? 0;
  }

  /** Whether the queue goes on behind the rows: `loadMore` adds to them. */
  get hasMore() {
    return this.#state?.next != null;
  }

  /** @returns {Row[] | null} the queue as it is and as it is asked to be; null until the first snapshot */
  get rows() {
    return this.#state && queueRows(this.#state.queue, this.#log.pending, { live: this.#log.state === "live" });
  }

  /**
   * Read on in a queue that is known in part. Nothing happens while that is being done, or when all is known.
   * @throws {ApiError | NetworkError | SignedOutError}
   */
  async loadMore() {
    const next = this.#state?.next;
    if (next == null || this.#more) return;
    const more = (this.#more = { page: /** @type {QueuePage | null} */ (null), events: [] });
    try {
      more.page = await this.#rest.get(`${this.#path}/queue?after=${next}`);
    } finally {
      if (!more.page && this.#more === more) this.#more = null;
    }
    this.#takeMore();
    this.#onChange();
  }

  /** Put the page that was read behind the rows, as soon as all is known that had happened before it was read. */
  #takeMore() {
    const { epoch, seq } = this.#log.cursor;
    if (!this.#state || !this.#more?.page) return;
    const { page, events } = this.#more;
    if (page.epoch === epoch && page.seq > seq) return; // these events are on their way
    this.#more = null;
    // Where ranks were changed meanwhile, the page may not begin where the rows end.
    if (page.epoch !== epoch || events.some(({ name }) => name === "QueueRenumbered")) return;
    this.#state = withPage(this.#state, page, events.filter(({ seqNum }) => seqNum > page.seq));
  }

  /** Rows play, and the next ones should be there before they are looked for. */
  async #keepKnown() {
    if (!this.#state || this.#state.queue.length >= KNOWN) return;
    try {
      await this.loadMore();
    } catch (error) {
      // The next event asks again, as does whoever scrolls there.
      if (!isRequestError(error)) throw error;
    }
  }

  /** @param {number} count @returns {Promise<GuildSyncEvent[]>} the last events before now, oldest first */
  async readRecent(count) {
    return /** @type {GuildSyncEvent[]} */ (await this.#log.read(Math.max(0, this.#log.cursor.seq - count)));
  }

  /**
   * @param {string} query
   * @param {AbortSignal} [signal]
   * @returns {Promise<Track[]>}
   */
  search(query, signal) {
    return this.#rest.get(`/api/search?q=${encodeURIComponent(query)}`, { signal });
  }

  /**
   * Ask for a track. Without a network it stays in the rows as waiting and is sent later, once.
   * @param {string} query words, a URL, or a track's `uri`
   * @param {{position?: "end" | "next" | "now", track?: Track | null}} [options]
   * @throws {SyncError} refused, and gone from the rows again
   */
  async add(query, { position = "end", track = null } = {}) {
    await this.#push("AddTrack", { query, position }, { track });
  }

  /**
   * @param {string} itemId
   * @throws {SyncError} refused, and back in the rows
   */
  async remove(itemId) {
    try {
      await this.#push("RemoveItem", { item_id: itemId }, { title: this.#titleOf(itemId) });
    } catch (error) {
      if (!(error instanceof SyncError && error.code === "ITEM_NOT_FOUND")) throw error;
    }
  }

  /**
   * Ask again for a track that failed: at the end of the queue.
   * @param {string} itemId
   * @throws {SyncError} refused, and back among the failed
   */
  async retry(itemId) {
    await this.#push("RetryItem", { item_id: itemId }, { title: this.#titleOf(itemId) });
  }

  /**
   * Carry out a command now, or not at all.
   * @template {keyof Commands} Name
   * @param {Name} name
   * @param {Commands[Name]["args"]} args
   * @returns {Promise<{seq: number | null, result: Commands[Name]["result"]}>} `seq` of the last event that it
   *   appended; null: nothing changed
   * @throws {ApiError | NetworkError | SignedOutError}
   */
  execute(name, args) {
    return this.#rest.post(`${this.#path}/commands`, { name, args });
  }

  /**
   * Carry out a command now or, without a network, later.
   * @template {keyof Commands} Name
   * @param {Name} name
   * @param {Commands[Name]["args"]} args
   * @param {Record<string, any>} note what to show of it meanwhile
   * @throws {SyncError} refused
   */
  async #push(name, args, note) {
    await this.#log.push(name, args, note);
  }

  /** The result's `vote` is how the vote stands; null when the track was skipped. */
  skip() {
    return this.execute("Skip", {});
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    return this.execute(paused ? "Pause" : "Resume", {});
  }

  /** @param {number} volume percent, 0 to 200 */
  setVolume(volume) {
    return this.execute("SetVolume", { volume });
  }

  /** @param {string} itemId @param {string | null} after the item that it should follow; null: to the front */
  async move(itemId, after) {
    await this.#push("MoveItem", { item_id: itemId, after }, { title: this.#titleOf(itemId) });
  }

  /** Empty the queue. */
  clear() {
    return this.execute("ClearQueue", {});
  }

  /** @param {string | null} channelId null: leave voice */
  setVoiceChannel(channelId) {
    return channelId === null ? this.execute("LeaveVoice", {}) : this.execute("JoinVoice", { channel_id: channelId });
  }

  /** @returns {Promise<string | null>} the voice channel that this person sits in now */
  async readSeat() {
    return (await this.#rest.get(`${this.#path}/voice-state`)).channel_id;
  }

  /** @param {string} itemId */
  #titleOf(itemId) {
    const known = [...(this.#state?.queue ?? []), ...(this.#state?.failed ?? [])];
    return known.find(({ id }) => id === itemId)?.track.title ?? null;
  }

  /** @returns {Promise<Snapshot>} */
  async #takeSnapshot() {
    const snapshot = await this.#rest.get(`${this.#path}/snapshot`);
    this.#adopt(snapshot);
    return snapshot;
  }

  /** @param {Snapshot} snapshot */
  #adopt({ guild, voice_channels, queue, queue_total, next, failed = [], player, skip_vote, can }) {
    this.#state = { guild, voice_channels, queue, queue_total, next, failed, player, skip_vote };
    this.#more = null;
    this.#can = can;
    this.#failedAges.adopt(failed, player.position_at);
    this.#position.heard();
    this.#onChange();
  }

  /** @param {GuildSyncEvent[]} events */
  #apply(events) {
    if (!this.#state) return;
    const { voice_channels } = this.#state;
    this.#state = events.reduce(applyEvent, this.#state);
    const changed = events.some((event) => this.#changesRights(event));
    // An event lists what everybody may see; what only some may see stays until it is read.
    if (changed) this.#state = { ...this.#state, voice_channels };
    this.#more?.events.push(...events);
    this.#takeMore();
    this.#keepKnown();
    if (events.some(({ args }) => "player" in args)) this.#position.heard();
    if (changed) this.#refreshRights();
    this.#onChange();
    this.#onEvents(events);
  }

  /** @param {GuildSyncEvent} event @returns {boolean} whether we may do or see something else after it */
  #changesRights({ name, args }) {
    const { userId } = this.#client;
    return name === "SettingsChanged" || name === "VoiceChannelsChanged" || (name === "RightsChanged" && (userId === null || args.user_ids.includes(userId)));
  }

  /** What one may do and see is told to each, so no event can. */
  async #refreshRights() {
    const read = ++this.#rightsRead;
    this.#rightsOld = false;
    try {
      const { can, guild, voice_channels } = await this.#rest.get(`${this.#path}/snapshot`);
      if (read !== this.#rightsRead) return; // a newer one is on its way
      const { owner, permissions, can_manage } = guild;
      this.#can = can;
      if (this.#state) this.#state = { ...this.#state, voice_channels, guild: { ...this.#state.guild, owner, permissions, can_manage } };
      this.#onChange();
    } catch (error) {
      // The old ones are shown until it is live again; the server holds to the new ones.
      if (read === this.#rightsRead) this.#rightsOld = true;
      if (!isRequestError(error)) throw error;
    }
  }

  /** @param {ConnectionState} state @param {Problem | null} problem */
  #connectionChanged(state, problem) {
    if (state === "live") {
      if (this.#wasLive) this.#refreshPosition().finally(() => this.#position.go());
      this.#wasLive = true;
      if (this.#rightsOld) this.#refreshRights();
    } else if (this.#wasLive) {
      this.#position.stop();
    }
    this.#onChange();
    this.#onState(state, problem);
  }

  /**
   * After an interruption the position is a guess: events that were late carry an old one, and a
   * machine asleep does not count. Ask again, and keep only what belongs to the place we are at.
   */
  async #refreshPosition() {
    for (let tries = 0; tries < REFRESH_TRIES; tries++) {
      /** @type {Snapshot} */
      let snapshot;
      try {
        snapshot = await this.#rest.get(`${this.#path}/snapshot`);
      } catch (error) {
        // The guess stands until the next event; the connection tells what is wrong.
        if (isRequestError(error)) return;
        throw error;
      }
      const { epoch, seq } = this.#log.cursor;
      if (snapshot.epoch === epoch && snapshot.seq === seq) {
        // More of the queue may have been read already.
        const known = this.#state && this.#state.queue.length > snapshot.queue.length ? this.#state : snapshot;
        this.#adopt({ ...snapshot, queue: known.queue, next: known.next });
        return;
      }
    }
  }
}

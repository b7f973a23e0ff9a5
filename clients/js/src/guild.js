import { isRequestError, unlessFailed } from "./errors.js";
import { FailedAges } from "./failed.js";
import { GuildCommands } from "./guild-commands.js";
import { applyEvent } from "./guild-events.js";
import { Keeper, keptOf } from "./keeper.js";
import { EventLog } from "./log.js";
import { Position } from "./position.js";
import { Predictions } from "./predictions.js";
import { QueuePages } from "./queue-pages.js";
import { RightsReader, changesRights } from "./rights.js";
import { failedRows, queueRows } from "./rows.js";
import { Sent } from "./sent.js";

/**
 * @import { Client } from "./client.js"
 * @import { Commands } from "./commands.d.ts"
 * @import { Answer } from "./guild-commands.js"
 * @import { GuildState } from "./guild-events.js"
 * @import { FailedRow, Row } from "./rows.js"
 * @import { Kept, Snapshots } from "./snapshots.js"
 * @import { Change, ConnectionState, GuildSyncEvent, Player, Problem, QueueItem, Rights, Snapshot, Track, Undoing, VoiceChannel } from "./types.d.ts"
 */

const REFRESH_TRIES = 3;
/** How many tracks a page of the queue has, and how many it can have. */
const PAGE = 100;
const LONGEST_PAGE = 500;
/** When fewer rows of a longer queue are left, more are loaded. */
const KNOWN = 100;

/**
 * One guild's queue and player, kept current through `/sync`, with commands that are still pending.
 *
 * Changes to the queue are pushed: while offline they are queued, and sent later. Commands for the player, and those
 * that affect everybody's tracks, go over REST, now or not at all, because nobody wants a pause an hour late. What they
 * will change is shown at once, and taken back when they are refused.
 */
export class GuildStore extends GuildCommands {
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
  /** @type {Predictions} */
  #predictions;
  #sent = new Sent();
  /** The ids of a queue, read when they are first needed. */
  #waiting = { queue: /** @type {QueueItem[]} */ ([]), ids: new Set() };
  #rights = new RightsReader(() => this.#readSnapshot());
  #wasLive = false;
  #keeper;
  /** When the shown state was kept. Null: it is from the server, or there is none. @type {Date | null} */
  #keptAt = null;
  #pages = new QueuePages((next, limit) => this.#rest.get(`${this.#path}/queue?after=${next}${limit > PAGE ? `&limit=${limit}` : ""}`));

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {string} options.guildId
   * @param {() => void} [options.onChange] called after any visible change
   * @param {(events: GuildSyncEvent[]) => void} [options.onEvents] called after the events are applied
   * @param {() => void} [options.onReset] called when the state was loaded again because the log cannot be continued
   *   from the cursor. The events between are not passed to `onEvents`. Once the state is `live`, `readRecent` returns
   *   those that the log still has
   * @param {(state: ConnectionState, problem: Problem | null) => void} [options.onState]
   * @param {(change: Change, error: Error) => void} [options.onLateRefusal] called when a change of an earlier page
   *   was refused and removed from the rows
   * @param {Snapshots | null} [options.snapshots] keeps the last state, to show it when there is no connection at the
   *   start
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
    snapshots = null,
    now = () => performance.now(),
  }) {
    super();
    this.#path = `/api/guilds/${guildId}`;
    this.#client = client;
    this.#rest = client.rest;
    this.#position = new Position(now);
    this.#failedAges = new FailedAges(now);
    this.#predictions = new Predictions(now);
    this.#onChange = onChange;
    this.#onEvents = onEvents;
    this.#onReset = onReset;
    this.#onState = onState;
    this.#keeper = new Keeper(guildId, snapshots, () => (
      this.#state && !this.#keptAt ? keptOf(this.#state, this.#can, this.#position.of(this.#state.player)) : null
    ));
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

  /** Load a snapshot, then follow the log. Without a connection, the last kept state is shown until there is one. */
  async start() {
    // If this fails, the connection fails in the same way, reports it, and loads a snapshot when it is back.
    const snapshot = await unlessFailed(this.#takeSnapshot());
    if (!snapshot) this.#show(await this.#keeper.load());
    this.#log.start(snapshot ?? { epoch: "", seq: 0 });
  }

  stop() {
    this.#keeper.stop();
    this.#log.stop();
  }

  /** When the shown state was the server's, if it was kept from an earlier page and nothing newer is known. */
  get keptAt() {
    return this.#keptAt;
  }

  /** @param {Kept | null} kept */
  #show(kept) {
    if (!kept || this.#state) return;
    this.#state = kept.state;
    this.#can = kept.can;
    this.#keptAt = new Date(kept.at);
    this.#position.heard();
    this.#position.stop();
    this.#onChange();
  }

  /** Check the connection now. Call it when the network may be back, or after the machine was asleep. */
  wake() {
    this.#client.wake();
  }

  /** @override @protected */
  get pending() {
    return this.#log.pending;
  }

  /** The number of this user's pending commands, including those of other tabs. */
  get pendingCount() {
    return this.pending.length;
  }

  /** Whether changes can be sent now. @override */
  get isLive() {
    return this.#log.state === "live";
  }

  /** Null until the first snapshot. */
  get guild() {
    return this.#state?.guild ?? null;
  }

  /** @returns {VoiceChannel[]} */
  get voiceChannels() {
    return this.#state?.voice_channels ?? [];
  }

  /** The player with pending commands; null until the first snapshot. @override */
  get player() {
    return this.#predictions.apply(this.#state?.player ?? null);
  }

  /** The vote to skip the current track; null before the first vote. */
  get skipVote() {
    return this.#state?.skip_vote ?? null;
  }

  /** What the user may do by their roles; null until the first snapshot. */
  get can() {
    return this.#can;
  }

  /** The current track's position in milliseconds. It stops while there is no connection. @override */
  get positionMs() {
    return (this.#predictions.position ?? this.#position).of(this.player);
  }

  /** @returns {FailedRow[]} tracks that failed in the last ten minutes, neither retried nor removed; newest last */
  get failed() {
    return failedRows(this.#failedAges.fresh(this.#state?.failed ?? []), [...this.pending, ...this.#sent.changes]);
  }

  /** The number of tracks in the queue, including those that are not among the rows. */
  get queueTotal() {
    return this.#state?.queue_total ?? this.#state?.queue.length ?? 0;
  }

  /** Whether the queue has more tracks than the rows. `loadMore` loads them. */
  get hasMore() {
    return this.#state?.next != null;
  }

  /** @returns {Row[] | null} the queue with pending commands; null until the first snapshot */
  get rows() {
    const { userId } = this.#client;
    return this.#state && queueRows(this.#state.queue, [...this.pending, ...this.#sent.changes], { live: this.isLive, userId, playing: this.#state.player.item?.id });
  }

  /**
   * Load pages of the queue until this many of its tracks are among the rows, or all. Does nothing while a page is loading.
   * @param {number} count
   * @throws {ApiError | NetworkError | SignedOutError}
   */
  async loadUpTo(count) {
    const missing = () => count - (this.#state?.queue.length ?? 0);
    while (this.hasMore && !this.#pages.loading && missing() > 0) await this.#loadPage(Math.min(missing(), LONGEST_PAGE));
    this.#keepKnown();
  }

  /** Whether an item may be in the queue: it is, or not all of the queue is loaded. @param {string} itemId */
  mayWait(itemId) {
    const queue = this.#state?.queue ?? [];
    if (this.#waiting.queue !== queue) this.#waiting = { queue, ids: new Set(queue.map(({ id }) => id)) };
    return this.hasMore || this.#waiting.ids.has(itemId);
  }

  /** The seq of the newest event that the state contains. */
  get head() {
    return this.#log.cursor.seq;
  }

  /**
   * Load the next page of the queue. Does nothing while a page is loading, or when all rows are loaded.
   * @throws {ApiError | NetworkError | SignedOutError}
   */
  async loadMore() {
    await this.#loadPage();
    this.#keepKnown();
  }

  /** @param {number} [limit] */
  async #loadPage(limit = PAGE) {
    const next = this.#state?.next;
    if (next == null || this.#pages.loading) return;
    await this.#pages.load(next, limit);
    this.#takePage();
    this.#onChange();
  }

  #takePage() {
    if (this.#state) this.#state = this.#pages.addTo(this.#state, this.#log.cursor);
  }

  /** Load more rows before the loaded ones run out. After a shuffle hardly any may be left. */
  async #keepKnown() {
    try {
      for (let tries = 0; tries < REFRESH_TRIES; tries++) {
        if (!this.hasMore || this.#pages.loading || (this.#state?.queue.length ?? 0) >= KNOWN) return;
        await this.#loadPage(); // without effect if the queue was shuffled again meanwhile
      }
    } catch (error) {
      // The next event tries again, and so does scrolling to the end.
      if (!isRequestError(error)) throw error;
    }
  }

  /** @param {number} count @returns {Promise<GuildSyncEvent[]>} the newest events, oldest first */
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
   * Run a command now, or fail.
   * @template {keyof Commands} Name
   * @param {Name} name
   * @param {Commands[Name]["args"]} args
   * @returns {Promise<Answer<Name>>}
   * @throws {ApiError | NetworkError | SignedOutError}
   * @override
   */
  async execute(name, args) {
    const post = (/** @type {string} */ id) => this.#rest.post(`${this.#path}/commands`, { name, args }, { idempotencyKey: id });
    const answer = this.#sent.run(name, args, post);
    this.#onChange();
    try {
      return await answer;
    } finally {
      this.#endForeseen();
      this.#onChange();
    }
  }

  /**
   * Run a command now or, while offline, later.
   * @template {keyof Commands} Name
   * @param {Name} name
   * @param {Commands[Name]["args"]} args
   * @param {Record<string, any>} note what to show while it is pending
   * @throws {SyncError} refused
   * @override @protected
   */
  async later(name, args, note) {
    await this.#log.push(name, args, note);
  }

  /**
   * Run a command now, and show at once what it will change.
   * @template {keyof Commands} Name
   * @param {Name} name
   * @param {Commands[Name]["args"]} args
   * @param {(player: Player) => Player} change
   * @param {{moves?: boolean}} [options] `moves`: it sets the position
   * @returns {Promise<Answer<Name>>}
   * @throws {ApiError | NetworkError | SignedOutError} refused, and taken back
   * @override @protected
   */
  async predict(name, args, change, options) {
    const prediction = this.#predictions.add(change, options);
    this.#onChange();
    try {
      const answer = await this.execute(name, args);
      prediction.seq = answer.seq ?? 0;
      return answer;
    } catch (error) {
      prediction.seq = 0;
      throw error;
    } finally {
      this.#endForeseen();
      this.#onChange();
    }
  }

  /** End what was shown before its events have arrived. */
  #endForeseen() {
    this.#predictions.end(this.#log.cursor.seq);
    this.#sent.end(this.#log.cursor.seq);
  }

  /**
   * Read what `undo` and `redo` would do now.
   * @returns {Promise<Undoing>}
   * @throws {ApiError | NetworkError | SignedOutError}
   */
  readUndo() {
    return this.#rest.get(`${this.#path}/undo`);
  }

  /** @returns {Promise<string | null>} the id of the voice channel that the user is in now */
  async readSeat() {
    return (await this.#rest.get(`${this.#path}/voice-state`)).channel_id;
  }

  /** @param {string} itemId @override @protected */
  titleOf(itemId) {
    const known = [...(this.#state?.queue ?? []), ...(this.#state?.failed ?? [])];
    return known.find(({ id }) => id === itemId)?.track.title ?? null;
  }

  /** @returns {Promise<Snapshot>} */
  #readSnapshot() {
    return this.#rest.get(`${this.#path}/snapshot`);
  }

  /** @returns {Promise<Snapshot>} */
  async #takeSnapshot() {
    const snapshot = await this.#readSnapshot();
    this.#adopt(snapshot);
    return snapshot;
  }

  /** @param {Snapshot} snapshot */
  #adopt({ guild, voice_channels, queue, queue_total, next, failed = [], player, skip_vote, can }) {
    this.#state = { guild, voice_channels, queue, queue_total, next, failed, player, skip_vote };
    this.#keptAt = null;
    this.#keeper.changed();
    this.#pages.drop();
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
    for (const { name, args, metadata } of events) if (name === "TrackFailed") this.#failedAges.note(args.item, metadata.timestamp);
    const changed = events.some((event) => changesRights(event, this.#client.userId));
    // An event lists only the channels that everybody may see: keep the old list until the user's is loaded.
    if (changed) this.#state = { ...this.#state, voice_channels };
    this.#pages.note(events);
    this.#takePage();
    this.#keepKnown();
    this.#keeper.changed();
    if (events.some(({ args }) => "player" in args)) this.#position.heard();
    this.#endForeseen();
    if (changed) this.#refreshRights();
    this.#onChange();
    this.#onEvents(events);
  }

  /** The old rights are shown until new ones are read. The server applies the new ones. */
  async #refreshRights() {
    const snapshot = await this.#rights.read();
    if (!snapshot) return;
    const { can, guild: { owner, permissions, can_manage }, voice_channels } = snapshot;
    this.#can = can;
    if (this.#state) this.#state = { ...this.#state, voice_channels, guild: { ...this.#state.guild, owner, permissions, can_manage } };
    this.#onChange();
  }

  /** @param {ConnectionState} state @param {Problem | null} problem */
  #connectionChanged(state, problem) {
    this.#endForeseen();
    if (state === "live") {
      if (this.#wasLive) this.#refreshPosition().finally(() => this.#position.go());
      this.#wasLive = true;
      if (this.#rights.old) this.#refreshRights();
    } else if (this.#wasLive) {
      this.#position.stop();
    }
    this.#onChange();
    this.#onState(state, problem);
  }

  /**
   * Load the player's position after an interruption. Until then it is a guess: late events have an old position, and
   * the monotonic clock stops while the machine is asleep. A snapshot is used only if it is at the current cursor.
   */
  async #refreshPosition() {
    for (let tries = 0; tries < REFRESH_TRIES; tries++) {
      const snapshot = await unlessFailed(this.#readSnapshot());
      if (!snapshot) return; // the guess stays until the next event, and the connection reports the problem
      const { epoch, seq } = this.#log.cursor;
      if (snapshot.epoch === epoch && snapshot.seq === seq) {
        // More of the queue may have been loaded already.
        const known = this.#state && this.#state.queue.length > snapshot.queue.length ? this.#state : snapshot;
        this.#adopt({ ...snapshot, queue: known.queue, next: known.next });
        return;
      }
    }
  }
}

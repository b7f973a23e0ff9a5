import { ApiError, NetworkError, RestClient, SignedOutError } from "./rest.js";
import { SyncConnection } from "./sync.js";

/**
 * @import { ConnectionState, Guild, Player, Problem, QueueItem, Snapshot, SocketLike, SyncEvent, Tokens, Track, VoiceChannel } from "./types.d.ts"
 *
 * @import { Rights, SkipVote } from "./types.d.ts"
 *
 * @typedef {{guild: Guild, voice_channels: VoiceChannel[], queue: QueueItem[], player: Player, skip_vote: SkipVote | null}} GuildState
 *
 * @typedef {object} PendingAdd a track on its way into the queue
 * @property {string} key the request's Idempotency-Key
 * @property {string} query
 * @property {"end" | "next" | "now"} position
 * @property {Track | null} track what is known of it already
 * @property {boolean} waiting whether it waits for the network
 * @property {string | null} itemId once the server has accepted it
 * @property {boolean} inSnapshot whether a snapshot was taken since, which may hold it already
 *
 * @typedef {{key: string, item: QueueItem | null, add: PendingAdd | null, removing: boolean}} Row
 *   a line of the queue: an item of the server's, or an add of ours that is not there yet
 */

const RESEND_AFTER_MS = 3_000;
const REFRESH_TRIES = 3;

/**
 * The state after an event (docs/protocol.md). Unknown events change nothing.
 * @template {GuildState} S
 * @param {S} state left as it is
 * @param {SyncEvent} event
 * @returns {S}
 */
export function applyEvent(state, event) {
  const next = applyArgs(state, event);
  // A vote is about what plays.
  return next.player.item?.id === state.player.item?.id ? next : { ...next, skip_vote: null };
}

/**
 * @template {GuildState} S
 * @param {S} state
 * @param {SyncEvent} event
 * @returns {S}
 */
function applyArgs(state, event) {
  const { item, after, player } = event.args;
  switch (event.name) {
    case "TrackAdded":
      return { ...state, queue: insertAfter(state.queue, item, after) };
    case "TrackResolved": {
      const queue = state.queue.map((other) => (other.id === item.id ? item : other));
      const current = state.player.item?.id === item.id ? { ...state.player, item } : state.player;
      return { ...state, queue, player: current };
    }
    case "TrackRequeued":
      return { ...state, queue: insertAfter(state.queue, item, null), player };
    case "TrackStarted":
    case "TrackFinished":
    case "TrackSkipped":
    case "TrackFailed":
      return { ...state, queue: without(state.queue, item), player };
    case "TrackRemoved":
      return { ...state, queue: without(state.queue, item) };
    case "TrackMoved":
      return { ...state, queue: insertAfter(state.queue, item, after) };
    case "QueueCleared": {
      const cleared = new Set(event.args.item_ids);
      return { ...state, queue: state.queue.filter((other) => !cleared.has(other.id)) };
    }
    case "GuildUpdated":
    case "BotInstalled":
    case "BotRemoved":
      return { ...state, guild: { ...state.guild, ...event.args.guild } };
    case "VoiceChannelsChanged":
      return { ...state, voice_channels: event.args.voice_channels };
    case "SkipVoted": {
      const { votes, needed } = event.args;
      return { ...state, skip_vote: votes ? { votes, needed } : null };
    }
    case "VolumeChanged":
    case "PlayerPaused":
    case "PlayerResumed":
    case "VoiceJoined":
    case "VoiceLeft":
    case "VoiceChanged":
    case "PlayerErrorChanged":
      return { ...state, player };
    default:
      return state;
  }
}

/** @param {QueueItem[]} queue @param {QueueItem} item @param {string | null} after null: at the front */
function insertAfter(queue, item, after) {
  const rest = without(queue, item);
  const place = after === null ? 0 : rest.findIndex((other) => other.id === after) + 1;
  // The item it should follow has started meanwhile: nothing is before it any more.
  return [...rest.slice(0, place), item, ...rest.slice(place)];
}

/** @param {QueueItem[]} queue @param {QueueItem} item */
function without(queue, item) {
  return queue.filter((other) => other.id !== item.id);
}

/**
 * One guild's queue and player, kept current through `/sync`, with what was asked for and is not
 * yet so. Actions go over REST; their effect comes back as events.
 */
export class GuildStore {
  #path;
  #rest;
  #sync;
  #now;
  #onChange;
  #onEvents;
  #onState;
  #onLateRefusal;
  /** @type {GuildState | null} */
  #state = null;
  /** @type {Rights | null} */
  #can = null;
  /** When the player's position was true, in `now()` milliseconds. */
  #positionAt = 0;
  #wasLive = false;
  /** @type {PendingAdd[]} */
  #adds = [];
  /** Ids of items that appeared while adds were on their way: an event may overtake its answer. */
  #appeared = new Set();
  /** @type {Set<string>} */
  #removing = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #resendTimer;

  /**
   * @param {object} options
   * @param {string} options.guildId
   * @param {Tokens} options.tokens
   * @param {string} options.baseUrl such as `https://backline.example`, without a path
   * @param {() => void} [options.onChange] after anything shown may have changed
   * @param {(events: SyncEvent[]) => void} [options.onEvents] after they are applied
   * @param {(state: ConnectionState, problem: Problem | null) => void} [options.onState]
   * @param {(add: PendingAdd, error: Error) => void} [options.onLateRefusal] an add that had waited for
   *   the network was refused after all, and is gone from the rows
   * @param {typeof globalThis.fetch} [options.fetch]
   * @param {(url: string) => SocketLike} [options.openSocket]
   * @param {() => number} [options.now] monotonic milliseconds
   */
  constructor({
    guildId,
    tokens,
    baseUrl,
    onChange = () => {},
    onEvents = () => {},
    onState = () => {},
    onLateRefusal = () => {},
    fetch,
    openSocket,
    now = () => performance.now(),
  }) {
    this.#path = `/api/guilds/${guildId}`;
    this.#rest = new RestClient({ tokens, baseUrl, fetch });
    this.#now = now;
    this.#onChange = onChange;
    this.#onEvents = onEvents;
    this.#onState = onState;
    this.#onLateRefusal = onLateRefusal;
    this.#sync = new SyncConnection({
      url: `${baseUrl.replace(/^http/, "ws")}/sync`,
      instanceId: `guild:${guildId}`,
      tokens,
      openSocket,
      takeSnapshot: () => this.#takeSnapshot(),
      onEvents: (events) => this.#apply(events),
      onState: (state, problem) => this.#connectionChanged(state, problem),
    });
  }

  /** Show the present at once, then follow. */
  async start() {
    let cursor = { epoch: "", seq: 0 };
    try {
      cursor = await this.#takeSnapshot();
    } catch (error) {
      // The connection meets the same trouble, tells it, and takes its own snapshot when it is over.
      if (!(error instanceof NetworkError || error instanceof ApiError || error instanceof SignedOutError)) throw error;
    }
    this.#sync.start(cursor);
  }

  stop() {
    clearTimeout(this.#resendTimer);
    this.#sync.stop();
  }

  /** The network may be back, or the machine has just woken. */
  wake() {
    this.#sync.wake();
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

  /** Where the current track is now, in milliseconds. */
  get positionMs() {
    const player = this.player;
    if (!player?.item) return 0;
    const moved = player.status === "playing" ? this.#now() - this.#positionAt : 0;
    return Math.min(player.position_ms + moved, player.item.track.duration_ms ?? Infinity);
  }

  /** @returns {Row[] | null} the queue as it is and as it is asked to be; null until the first snapshot */
  get rows() {
    if (!this.#state) return null;
    const items = this.#state.queue.map((item) => (
      { key: item.id, item, add: null, removing: this.#removing.has(item.id) }
    ));
    const adds = this.#adds.map((add) => ({ key: add.key, item: null, add, removing: false }));
    return [
      ...adds.filter((row) => row.add.position !== "end"),
      ...items,
      ...adds.filter((row) => row.add.position === "end"),
    ];
  }

  /** @param {number} count @returns {Promise<SyncEvent[]>} the last events before now, oldest first */
  readRecent(count) {
    return this.#sync.read(Math.max(0, this.#sync.cursor.seq - count));
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
   * @throws {ApiError | SignedOutError} refused, and gone from the rows again
   */
  async add(query, { position = "end", track = null } = {}) {
    /** @type {PendingAdd} */
    const add = {
      key: crypto.randomUUID(), query, position, track, waiting: false, itemId: null, inSnapshot: false,
    };
    this.#adds.push(add);
    this.#onChange();
    await this.#sendAdd(add);
  }

  /**
   * @param {string} itemId
   * @throws {ApiError | NetworkError | SignedOutError} refused, and back in the rows
   */
  async remove(itemId) {
    this.#removing.add(itemId);
    this.#onChange();
    try {
      await this.#rest.delete(`${this.#path}/queue/${itemId}`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return;
      this.#removing.delete(itemId);
      this.#onChange();
      throw error;
    }
  }

  /** @returns {Promise<{seq: number, vote?: SkipVote}>} with `vote` while that is not enough to skip */
  skip() {
    return this.#rest.post(`${this.#path}/player/skip`);
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    return this.#rest.patch(`${this.#path}/player`, { paused });
  }

  /** @param {number} volume percent, 0 to 200 */
  setVolume(volume) {
    return this.#rest.patch(`${this.#path}/player`, { volume });
  }

  /** @param {string} itemId @param {string | null} after the item that it should follow; null: to the front */
  move(itemId, after) {
    return this.#rest.patch(`${this.#path}/queue/${itemId}`, { after });
  }

  /** Empty the queue. */
  clear() {
    return this.#rest.post(`${this.#path}/queue/clear`);
  }

  /** @param {string} channelId */
  setVoiceChannel(channelId) {
    return this.#rest.patch(`${this.#path}/player`, { voice_channel_id: channelId });
  }

  /** @param {PendingAdd} add */
  async #sendAdd(add) {
    try {
      const item = await this.#rest.post(
        `${this.#path}/queue`, { query: add.query, position: add.position }, { idempotencyKey: add.key },
      );
      add.itemId = item.id;
      if (add.inSnapshot || this.#appeared.has(item.id)) this.#dropAdd(add);
    } catch (error) {
      if (error instanceof NetworkError) {
        add.waiting = true;
        this.#scheduleResend();
        this.#sync.wake();
      } else {
        this.#dropAdd(add);
        throw error;
      }
    } finally {
      this.#onChange();
    }
  }

  /** @param {PendingAdd} add */
  #dropAdd(add) {
    this.#adds = this.#adds.filter((other) => other !== add);
    if (!this.#adds.length) this.#appeared.clear();
  }

  #scheduleResend() {
    clearTimeout(this.#resendTimer);
    this.#resendTimer = setTimeout(() => this.#resend(), RESEND_AFTER_MS);
  }

  /** Send what waits, in the order it was asked for; without a connection it goes on waiting. */
  async #resend() {
    for (const add of this.#adds.filter((other) => other.waiting)) {
      if (this.#sync.state !== "live") return;
      add.waiting = false;
      await this.#sendAdd(add).catch((error) => this.#onLateRefusal(add, error));
    }
  }

  /** @returns {Promise<Snapshot>} */
  async #takeSnapshot() {
    const snapshot = await this.#rest.get(`${this.#path}/snapshot`);
    this.#adopt(snapshot);
    return snapshot;
  }

  /** @param {Snapshot} snapshot */
  #adopt({ guild, voice_channels, queue, player, skip_vote, can }) {
    this.#state = { guild, voice_channels, queue, player, skip_vote };
    this.#can = can;
    this.#positionAt = this.#now();
    for (const add of this.#adds) add.inSnapshot = true;
    for (const add of this.#adds.filter((other) => other.itemId)) this.#dropAdd(add);
    this.#forgetRemoved();
    this.#onChange();
  }

  /** @param {SyncEvent[]} events */
  #apply(events) {
    for (const event of events) {
      if (!this.#state) return;
      this.#state = applyEvent(this.#state, event);
      if (event.args.player) this.#positionAt = this.#now();
      if (event.name === "TrackAdded" && this.#adds.length) {
        const { id } = event.args.item;
        this.#appeared.add(id);
        const add = this.#adds.find((other) => other.itemId === id);
        if (add) this.#dropAdd(add);
      }
    }
    this.#forgetRemoved();
    if (events.some(({ name }) => name === "SettingsChanged")) this.#refreshRights();
    this.#onChange();
    this.#onEvents(events);
  }

  #forgetRemoved() {
    for (const id of this.#removing) {
      if (!this.#state?.queue.some((item) => item.id === id)) this.#removing.delete(id);
    }
  }

  /** What one may do is told to each, so no event can. */
  async #refreshRights() {
    try {
      this.#can = (await this.#rest.get(`${this.#path}/snapshot`)).can;
      this.#onChange();
    } catch (error) {
      // The old rights are shown until the next snapshot; the server holds to the new ones.
      if (!(error instanceof NetworkError || error instanceof ApiError || error instanceof SignedOutError)) throw error;
    }
  }

  /** @param {ConnectionState} state @param {Problem | null} problem */
  #connectionChanged(state, problem) {
    if (state === "live") {
      if (this.#wasLive) this.#refreshPosition();
      this.#wasLive = true;
      this.#resend();
    }
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
        if (error instanceof NetworkError || error instanceof ApiError || error instanceof SignedOutError) return;
        throw error;
      }
      const { epoch, seq } = this.#sync.cursor;
      if (snapshot.epoch === epoch && snapshot.seq === seq) {
        this.#adopt(snapshot);
        return;
      }
    }
  }
}

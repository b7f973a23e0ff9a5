/** The shapes that travel; docs/protocol.md is where they are defined. */

import type { GuildEvent, Player, Problem, PublicGuild, QueueItem, VoiceChannel } from "./events.d.ts";

export type { Player, Problem, QueueItem, Requester, Track, VoiceChannel } from "./events.d.ts";

export interface Guild extends PublicGuild {
  owner: boolean;
  permissions: string;
  can_manage: boolean;
}

/** A place in a log. `seq` 0 is before the first event. */
export interface Cursor {
  epoch: string;
  seq: number;
}

/** How the vote to skip the current item stands. */
export interface SkipVote {
  votes: number;
  needed: number;
}

/** What the reader may do by their roles; `skip` and `remove` are about other people's tracks. */
export interface Rights {
  add: boolean;
  skip: "now" | "vote" | null;
  move: boolean;
  clear: boolean;
  remove: boolean;
  control: "always" | "there";
  settings: boolean;
}

export interface Snapshot extends Cursor {
  guild: Guild;
  voice_channels: VoiceChannel[];
  /** The first of them, in order. */
  queue: QueueItem[];
  queue_total?: number;
  /** The rank up to which `queue` goes; null: all are there. */
  next?: string | null;
  /** Failed in the last ten minutes, neither retried nor removed; newest last. */
  failed?: QueueItem[];
  player: Player;
  skip_vote: SkipVote | null;
  can: Rights;
}

/** Items behind a rank, as of that place in the log. */
export interface QueuePage extends Cursor {
  items: QueueItem[];
  queue_total: number;
  next: string | null;
}

export interface EventMetadata {
  userId: string | null;
  username?: string | null;
  displayName?: string | null;
  avatarUrl?: string | null;
  timestamp: number;
  clientTimestamp?: number;
  connectionId?: string | null;
  auth?: "valid" | "grace" | "anonymous";
  via: "sync" | "rest" | "discord" | "admin" | "bot";
}

/** What a log says of an event beside its name and its arguments. */
interface Logged {
  seqNum: number;
  parentSeqNum: number;
  eventId: string;
  clientId?: string | null;
  sessionId?: string | null;
  metadata: EventMetadata;
}

export interface SyncEvent extends Logged {
  name: string;
  args: Record<string, any>;
}

/** A `SyncEvent` of a guild. */
export type GuildSyncEvent = GuildEvent & Logged;

/** One event as a client pushes it: to a guild, an imperative command such as `Skip`. */
export interface PushEvent {
  eventId: string;
  name: string;
  args: Record<string, any>;
  clientTimestamp: number;
}

export interface Ack {
  head: number;
  seqNums: number[];
}

/** A change on its way to the log. `note` is kept beside it and not sent: what to show of it meanwhile. */
export interface NewChange extends PushEvent {
  instanceId: string;
  note: Record<string, any>;
}

export interface Change extends NewChange {
  userId: string;
}

/** Keeps changes across restarts, in the order in which they were added. */
export interface ChangeStorage {
  load(userId: string): Promise<Change[]>;
  /** The same change again (by `eventId`) is kept once. */
  add(change: Change): Promise<void>;
  remove(eventId: string): Promise<void>;
}

/** Where a log stands, as the server says it. */
export interface Position {
  epoch: string;
  head: number;
}

/** The connection to an instance; `head` is the newest event heard of. */
export interface LinkState extends Position {
  state: ConnectionState;
  problem: Problem | null;
}

export interface TokenAnswer {
  access: string;
  refresh?: string;
  expires_at?: string;
}

/** What is shown of a connection: `waiting` is between two attempts, the last two are final. */
export type ConnectionState = "connecting" | "live" | "waiting" | "signed_out" | "refused";

/** What is needed of a WebSocket; browsers', Node's and React Native's have it. */
export interface SocketLike {
  readyState: number;
  /** Bytes not handed to the network yet. */
  bufferedAmount?: number;
  binaryType: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** What `TokenSource` offers to those who send tokens. */
export interface Tokens {
  get(): Promise<string>;
  discard(token: string): void;
}

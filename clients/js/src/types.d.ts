/** The types of messages and responses, as defined in docs/protocol.md. */

import type { GuildEvent, Player, Problem, PublicGuild, QueueItem, VoiceChannel } from "./events.d.ts";

export type { Person, Player, Problem, QueueItem, Track, VoiceChannel } from "./events.d.ts";

export interface Guild extends PublicGuild {
  owner: boolean;
  permissions: string;
  can_manage: boolean;
}

/** A position in a log. `seq` 0 is before the first event. */
export interface Cursor {
  epoch: string;
  seq: number;
}

/** Where tracks are added: `after` an item, by its id. */
export type Place = "end" | "next" | "now" | { after: string };

/** The vote to skip the current item. */
export interface SkipVote {
  votes: number;
  needed: number;
}

/** A change that can be undone, or redone. */
export interface Undoable {
  /** First seq of the change. */
  seq: number;
  /** Such as "Ines cleared 12 tracks". */
  sentence: string;
  at: string;
}

/** What a user can undo and redo now. */
export interface Undoing {
  undo: Undoable | null;
  redo: Undoable | null;
}

/** What the user may do by their roles. `skip`, `seek` and `remove` are about other people's tracks, `undo` about changes. */
export interface Rights {
  add: boolean;
  skip: "now" | "vote" | null;
  /** Whether they may seek and jump while another person's track plays. */
  seek: boolean;
  move: boolean;
  clear: boolean;
  remove: boolean;
  control: "always" | "there";
  undo: "any" | "own";
  settings: boolean;
}

export interface Snapshot extends Cursor {
  guild: Guild;
  voice_channels: VoiceChannel[];
  /** The first items of the queue, in order. */
  queue: QueueItem[];
  queue_total?: number;
  /** The rank up to which `queue` goes; null if it is the whole queue. */
  next?: string | null;
  /** Items that failed in the last ten minutes, neither retried nor removed; newest last. */
  failed?: QueueItem[];
  player: Player;
  skip_vote: SkipVote | null;
  can: Rights;
}

/** The items after a rank, as of this position in the log. */
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
  /** First seq of the change that this event undoes. */
  undoes?: number;
  /** First seq of the change that this event redoes. */
  redoes?: number;
  /** First seq of the change that this event is part of, if it is not the first event. */
  change?: number;
  connectionId?: string | null;
  auth?: "valid" | "grace" | "anonymous";
  via: "sync" | "rest" | "discord" | "admin" | "bot";
}

/** The fields of an event in a log, beside its name and arguments. */
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

/** One event to push; for a guild, a command such as `Skip`. */
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

/** A pending command or event. `note` is stored with it but not sent: what to show while it is pending. */
export interface NewChange extends PushEvent {
  instanceId: string;
  note: Record<string, any>;
}

export interface Change extends NewChange {
  userId: string;
}

/** Keeps pending commands and events across restarts, in the order in which they were added. */
export interface ChangeStorage {
  load(userId: string): Promise<Change[]>;
  /** Adding a change again (by `eventId`) does nothing. */
  add(change: Change): Promise<void>;
  remove(eventId: string): Promise<void>;
}

/** A log's epoch and head, from the server. */
export interface Position {
  epoch: string;
  head: number;
}

/** The connection to an instance. `head` is the newest known event. */
export interface LinkState extends Position {
  state: ConnectionState;
  problem: Problem | null;
}

export interface TokenAnswer {
  access: string;
  refresh?: string;
  expires_at?: string;
}

/** The state of a connection: `waiting` is between two attempts. `signed_out` and `refused` are final. */
export type ConnectionState = "connecting" | "live" | "waiting" | "signed_out" | "refused";

/** The part of a WebSocket that this client uses, as in browsers, Node and React Native. */
export interface SocketLike {
  readyState: number;
  /** The number of bytes not yet sent to the network. */
  bufferedAmount?: number;
  binaryType: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** The methods of `TokenSource` that senders of tokens use. */
export interface Tokens {
  get(): Promise<string>;
  discard(token: string): void;
}

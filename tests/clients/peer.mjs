/**
 * A server for the client's tests: real HTTP and a real WebSocket (RFC 6455) on loopback. It implements the protocol's
 * REST calls and /sync frames over a log in memory, and misbehaves on demand.
 */

import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { fromSession } from "../../clients/js/src/auth.js";
import { Client } from "../../clients/js/src/client.js";

const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export class Peer {
  epoch = "epoch-1";
  /** Events by seq; `log[0]` is seq 1. */
  log = [];
  /** Seqs up to this one were pruned. */
  pruned = 0;
  guild = { id: "1", name: "Guild", bot_installed: true };
  queue = [];
  failed = [];
  player = idlePlayer();
  /** Tokens that `init` and REST accept. */
  validTokens = new Set();
  tokenLifeSeconds = 900;
  /** The user whose tokens `/api/auth/token` returns, and whom `ready` names. */
  userId = "u1";
  signedOut = false;
  /** Every received frame and request, for later checks. */
  frames = [];
  requests = [];
  sockets = new Set();
  /** Close code for the next inits, instead of `ready`. */
  refuseInits = [];
  /** Answer upgrades with 401, as for a cookie whose session has ended. */
  refuseUpgrades = false;
  /** Seqs that are omitted once when they are due. */
  loseOnce = new Set();
  /** Called first, with (frame, socket). Returns true if it handled the frame. */
  intercept = () => false;
  /** Called first, with (request). Returns a response `{status, body}`, or null for the default. */
  interceptHttp = () => null;
  acks = new Map();

  async listen() {
    this.server = createServer((request, response) => this.#http(request, response));
    this.server.on("upgrade", (request, socket) => this.#upgrade(request, socket));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.baseUrl = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  async close() {
    for (const socket of this.sockets) socket.raw.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get syncUrl() {
    return `${this.baseUrl.replace("http", "ws")}/sync`;
  }

  get head() {
    return this.log.length;
  }

  issueToken() {
    const iat = Math.floor(Date.now() / 1000) - 3600; // an hour off, because clients must not compare clocks
    const part = (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url");
    const token = `${part({ alg: "HS256" })}.${part({ sub: this.userId, iat, exp: iat + this.tokenLifeSeconds, jti: randomUUID() })}.x`;
    this.validTokens.add(token);
    return token;
  }

  append(name, args = {}, eventId = randomUUID()) {
    this.log.push({
      name, args, seqNum: this.head + 1, parentSeqNum: this.head, eventId,
      metadata: { userId: "u1", timestamp: Date.now(), via: "rest" },
    });
    for (const socket of this.sockets) this.#deliver(socket);
  }

  /** Restore the log from a backup: the same seqs with another history. */
  restore() {
    this.epoch = `${this.epoch}+`;
  }

  closeAll(code) {
    for (const socket of this.sockets) socket.close(code);
  }

  #upgrade(request, raw) {
    if (this.refuseUpgrades) {
      raw.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    const key = createHash("sha1").update(request.headers["sec-websocket-key"] + ACCEPT_SUFFIX).digest("base64");
    raw.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`);
    const socket = new PeerSocket(raw, (frame) => this.#frame(frame, socket));
    this.sockets.add(socket);
    raw.on("close", () => this.sockets.delete(socket));
    raw.on("error", () => this.sockets.delete(socket));
  }

  #frame(frame, socket) {
    this.frames.push(frame);
    if (this.intercept(frame, socket)) return;
    switch (frame.type) {
      case "init": {
        const code = this.refuseInits.shift() ?? (this.validTokens.has(frame.authToken) ? null : 4401);
        if (code) {
          socket.send({ type: "error", id: frame.id, code: code === 4403 ? "FORBIDDEN" : "TOKEN_INVALID", detail: "No." });
          socket.close(code);
        } else {
          socket.send({ type: "ready", id: frame.id, epoch: this.epoch, head: this.head, auth: "valid", userId: this.userId });
        }
        break;
      }
      case "auth":
        socket.send({ type: "authed", id: frame.id, expiresAt: 0 });
        break;
      case "ping":
        socket.send({ type: "pong", id: frame.id, head: this.head });
        break;
      case "unpull":
        socket.pull = null;
        break;
      case "pull":
        if (frame.epoch !== this.epoch) {
          socket.send({ type: "error", id: frame.id, code: "EPOCH_MISMATCH", detail: "Another log." });
        } else if (frame.cursor < this.pruned) {
          socket.send({ type: "error", id: frame.id, code: "CURSOR_TOO_OLD", detail: "Gone." });
        } else if (frame.live) {
          socket.pull = { id: frame.id, cursor: frame.cursor };
          this.#deliver(socket);
        } else {
          socket.send({ type: "events", id: frame.id, events: this.log.slice(frame.cursor), remaining: 0 });
          socket.send({ type: "end", id: frame.id });
        }
        break;
      case "push":
        this.#push(frame, socket);
        break;
    }
  }

  #push(frame, socket) {
    const seqNums = [];
    for (const event of frame.events) {
      if (!this.acks.has(event.eventId)) {
        this.#carryOut(event);
        this.acks.set(event.eventId, this.head);
      }
      seqNums.push(this.acks.get(event.eventId));
    }
    socket.send({ type: "ack", id: frame.id, head: this.head, seqNums });
  }

  #carryOut({ eventId, name, args }) {
    if (name === "AddTrack") {
      const item = makeItem(args.query);
      const after = this.queue.at(-1)?.id ?? null;
      this.queue = [...this.queue, item];
      this.append("TrackAdded", { item, after }, eventId);
    } else if (name === "RemoveItem") {
      const item = this.queue.find(({ id }) => id === args.item_id);
      this.queue = this.queue.filter((other) => other !== item);
      this.append("TrackRemoved", { item }, eventId);
    } else {
      this.append(`${name}Done`, args, eventId);
    }
  }

  #deliver(socket) {
    if (!socket.pull || socket.pull.cursor >= this.head) return;
    const due = this.log.slice(socket.pull.cursor);
    socket.pull.cursor = this.head;
    const events = due.filter((event) => !this.loseOnce.delete(event.seqNum));
    if (events.length) socket.send({ type: "events", id: socket.pull.id, events, remaining: 0 });
  }

  async #http(request, response) {
    let text = "";
    for await (const chunk of request) text += chunk;
    const call = { method: request.method, path: request.url, headers: request.headers, body: text ? JSON.parse(text) : null };
    this.requests.push(call);
    const answer = await this.interceptHttp(call) ?? this.#rest(call);
    if (answer === "cut") {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { "Content-Type": "application/json" });
    response.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
  }

  #rest({ path, headers }) {
    if (path === "/api/auth/token") {
      if (this.signedOut) return { status: 401, body: { code: "AUTH_REQUIRED", detail: "Log in." } };
      return { status: 200, body: { access: this.issueToken(), refresh: "r", expires_at: "1999-01-01T00:00:00Z" } };
    }
    if (!this.validTokens.has(headers.authorization?.replace("Bearer ", ""))) {
      return { status: 401, body: { code: "TOKEN_INVALID", detail: "Not a token of ours." } };
    }
    if (path === "/api/guilds/1/snapshot") {
      const { epoch, head: seq, guild, queue, failed, player } = this;
      return { status: 200, body: { epoch, seq, guild, queue, failed, player } };
    }
    return { status: 404, body: { code: "NOT_FOUND", detail: "Nothing here." } };
  }
}

/** One accepted WebSocket. It supports text frames (received ones up to 64 KB) and close. */
class PeerSocket {
  pull = null;
  #buffer = Buffer.alloc(0);

  constructor(raw, onFrame) {
    this.raw = raw;
    raw.on("data", (chunk) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      for (let frame; (frame = this.#take()); ) {
        if (frame.opcode === 8) this.close(1000);
        else if (frame.opcode === 1) onFrame(JSON.parse(frame.payload.toString()));
      }
    });
  }

  #take() {
    if (this.#buffer.length < 2) return null;
    let length = this.#buffer[1] & 127;
    let at = 2;
    if (length === 126) {
      if (this.#buffer.length < 4) return null;
      length = this.#buffer.readUInt16BE(2);
      at = 4;
    }
    if (this.#buffer.length < at + 4 + length) return null;
    const mask = this.#buffer.subarray(at, at + 4);
    const payload = Buffer.from(this.#buffer.subarray(at + 4, at + 4 + length)).map((byte, i) => byte ^ mask[i % 4]);
    const opcode = this.#buffer[0] & 15;
    this.#buffer = this.#buffer.subarray(at + 4 + length);
    return { opcode, payload };
  }

  send(frame) {
    this.#write(1, Buffer.from(JSON.stringify(frame)));
  }

  close(code) {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#write(8, payload);
    this.raw.end();
  }

  #write(opcode, payload) {
    const header = headOf(payload.length);
    header[0] = 128 | opcode;
    if (!this.raw.destroyed) this.raw.write(Buffer.concat([header, payload]));
  }
}

/** Return a frame's header with its length in one, three or nine bytes. The caller sets the first byte. */
function headOf(length) {
  if (length < 126) return Buffer.from([0, length]);
  if (length < 65_536) return Buffer.from([0, 126, length >> 8, length & 255]);
  const header = Buffer.alloc(10);
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

export function idlePlayer() {
  return {
    status: "idle", item: null, position_ms: 0, position_at: null, volume: 100, loop: "off", voice_channel_id: null, error: null,
  };
}

export function makeItem(title, { duration_ms = 60_000, state = "queued" } = {}) {
  return {
    id: randomUUID(), state, added_at: "2026-01-01T00:00:00Z", started_at: null, ended_at: null, error: null,
    track: {
      uri: `library:${title}`, title, artist: null, url: null, duration_ms, artwork_url: null, source: "library", is_live: false,
    },
    requested_by: { id: "u1", username: "owner", display_name: "Owner", avatar_url: null },
  };
}

/** Wait until the condition holds. The error names the condition. */
export async function until(condition, deadlineMs = 4_000) {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Not within ${deadlineMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A session's way to a token. */
export const obtain = (peer) => fromSession({ baseUrl: peer.baseUrl, csrfToken: () => "c" });

/** A client of the peer that waits only briefly before it connects again. */
export const makeClient = (peer, { timing = {}, ...options } = {}) => (
  new Client({ baseUrl: peer.baseUrl, obtain: obtain(peer), timing: { random: () => 0.02, ...timing }, ...options })
);

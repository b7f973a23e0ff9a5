import { Connection } from "./connection.js";
import { SignedOutError, SyncError } from "./errors.js";
import { Outbox } from "./outbox.js";

/**
 * @import { Ack, Change, ConnectionState, Cursor, LinkState, NewChange, Position, Problem, SyncEvent } from "./types.d.ts"
 * @import { Tab } from "./host.js"
 * @import { Session } from "./session.js"
 */

/** Codes with which the server refuses all changes of this user to this instance. */
const SHUT_OUT = new Set(["FORBIDDEN", "NOT_FOUND", "CLOSED_4403", "CLOSED_4404"]);

/** One instance for one user: a single connection for all tabs, and their outbox for it. */
export class Instance {
  #id;
  #session;
  #connection;
  /** @type {Promise<Outbox>} */
  #outbox;
  /** @type {Set<Tab>} */
  #followers = new Set();
  /** The number of pushes without a response. */
  #pushing = 0;
  /** @type {LinkState} */
  #link = { state: "connecting", problem: null, epoch: "", head: 0 };
  /** @type {Change[]} */
  #changes = [];
  /** Running reads, shared by tabs: after a reconnect, tabs with the same cursor need the same events. @type {Map<string, Promise<SyncEvent[]>>} */
  #reads = new Map();

  /** @param {string} id @param {Session} session */
  constructor(id, session) {
    this.#id = id;
    this.#session = session;
    this.#connection = new Connection({
      url: session.url,
      instanceId: id,
      tokens: session.tokens,
      openSocket: session.options.openSocket,
      timing: session.options.timing,
      isUser: (userId) => session.userId === null || userId === session.userId,
      onState: (state, problem, position) => this.#connectionChanged(state, problem, position),
      onEvents: (events) => this.#arrived(events),
      onWritable: async () => (await this.#outbox).open(),
    });
    this.#outbox = this.#makeOutbox();
    this.#connection.start();
  }

  /** @param {Tab} tab */
  follow(tab) {
    this.#followers.add(tab);
    tab.line.notify("linkChanged", this.#id, this.#link);
    tab.line.notify("queueChanged", this.#id, this.#changes);
  }

  /** @param {Tab} tab */
  unfollow(tab) {
    this.#followers.delete(tab);
    void this.#endIfIdle();
  }

  async end() {
    this.#connection.stop();
    (await this.#outbox).close();
  }

  wake() {
    this.#connection.wake();
  }

  restart() {
    this.#connection.start();
  }

  /** @param {SignedOutError} error */
  signOut(error) {
    this.#connection.signOut(error);
  }

  /**
   * @param {NewChange} change
   * @param {Tab} tab
   * @returns {Promise<Ack>}
   */
  async push(change, tab) {
    this.#pushing++;
    const outbox = await this.#outbox;
    const owned = { ...change, userId: this.#session.userId ?? "" };
    try {
      return await outbox.add(owned);
    } catch (error) {
      if (tab.gone) this.#session.refused(owned, /** @type {Error} */ (error));
      throw error;
    } finally {
      this.#pushing--;
      void this.#endIfIdle();
    }
  }

  /**
   * @param {number} seq
   * @param {Cursor} known the tab's cursor. A read for a tab with an older cursor may end before it.
   * @returns {Promise<SyncEvent[]>}
   */
  read(seq, known) {
    const key = `${seq} ${known.seq} ${known.epoch}`;
    let read = this.#reads.get(key);
    if (!read) {
      read = this.#connection.read(seq, known.epoch).finally(() => this.#reads.delete(key));
      this.#reads.set(key, read);
    }
    return read;
  }

  async #makeOutbox() {
    const outbox = new Outbox({
      storage: this.#session.options.storage,
      changes: await this.#session.takeLeft(this.#id),
      send: (events) => this.#connection.push(events),
      onChanged: (settled) => this.#queueChanged(outbox.changes, settled),
      onRefused: (change, error) => this.#session.refused(change, error),
    });
    this.#queueChanged(outbox.changes);
    return outbox;
  }

  /** @param {Change[]} changes @param {{change: Change, ack: Ack}} [settled] */
  #queueChanged(changes, settled) {
    this.#changes = changes;
    this.#notify("queueChanged", changes, settled);
    if (settled) void this.#endIfIdle();
  }

  /** @param {ConnectionState} state @param {Problem | null} problem @param {Position} position */
  async #connectionChanged(state, problem, { epoch, head }) {
    this.#link = { state, problem, epoch, head };
    this.#notify("linkChanged", this.#link);
    if (state === "live") return;
    if (state === "signed_out") this.#session.signOut(new SignedOutError(problem?.detail));
    const outbox = await this.#outbox;
    outbox.close();
    if (state === "refused" && problem && SHUT_OUT.has(problem.code)) outbox.refuseAll(new SyncError(problem));
  }

  /** @param {SyncEvent[]} events */
  #arrived(events) {
    // A tab that follows later learns from the head that it must read these events.
    this.#link = { ...this.#link, head: Math.max(this.#link.head, events[events.length - 1].seqNum) };
    this.#notify("arrived", events);
  }

  /** @param {string} what @param {...any} args */
  #notify(what, ...args) {
    for (const tab of this.#followers) tab.line.notify(what, this.#id, ...args);
  }

  async #endIfIdle() {
    const outbox = await this.#outbox;
    if (this.#followers.size || this.#pushing || outbox.changes.length) return;
    void this.end();
    this.#session.forget(this.#id);
  }
}

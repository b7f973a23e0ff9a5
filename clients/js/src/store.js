import { EventLog } from "./log.js";

/**
 * @import { Client } from "./client.js"
 * @import { Ack, Change, ConnectionState, Problem } from "./types.d.ts"
 */

/**
 * The state computed from a log of client-authored events (`app:<name>`).
 *
 * A pushed event changes the state at once. When the server refuses it, or other events came before it, the state
 * is computed again from the confirmed state and the pending events.
 * @template S
 */
export class Store {
  #initial;
  #reduce;
  #onChange;
  #log;
  /** @type {S} */
  #confirmed;
  /** @type {S} */
  #state;

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {string} options.instanceId such as `app:notes`
   * @param {S} options.initial
   * @param {(state: S, event: {name: string, args: any, eventId: string}) => S} options.reduce returns a new
   *   state without modifying the old one. An unknown event must change nothing
   * @param {(store: Store<S>) => void} [options.onChange]
   * @param {(state: ConnectionState, problem: Problem | null) => void} [options.onState]
   * @param {(change: Change, error: Error) => void} [options.onRefused]
   */
  constructor({ client, instanceId, initial, reduce, onChange = () => {}, onState, onRefused }) {
    this.#initial = initial;
    this.#confirmed = initial;
    this.#state = initial;
    this.#reduce = reduce;
    this.#onChange = onChange;
    this.#log = new EventLog({
      client,
      instanceId,
      takeSnapshot: async (epoch) => {
        this.#confirmed = this.#initial;
        return { epoch, seq: 0 };
      },
      onEvents: (events) => {
        this.#confirmed = events.reduce(this.#reduce, this.#confirmed);
        this.#rebase();
      },
      onPending: () => this.#rebase(),
      onState,
      onRefused,
    });
  }

  start() {
    this.#log.start({ epoch: "", seq: 0 });
  }

  stop() {
    this.#log.stop();
  }

  /** The state including pending events. */
  get state() {
    return this.#state;
  }

  /** The state on the server. */
  get confirmed() {
    return this.#confirmed;
  }

  /** The pending events, oldest first. */
  get pending() {
    return this.#log.pending;
  }

  get connection() {
    return this.#log.state;
  }

  /**
   * @param {string} name
   * @param {Record<string, any>} [args]
   * @returns {Promise<Ack>} resolves when the server has the event, however long that takes
   * @throws {import("./errors.js").SyncError} refused, and removed from the state again
   */
  push(name, args = {}) {
    return this.#log.push(name, args);
  }

  #rebase() {
    this.#state = this.#log.pending.reduce(this.#reduce, this.#confirmed);
    this.#onChange(this);
  }
}

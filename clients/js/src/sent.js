import { newId } from "./ids.js";

/** @import { NewChange } from "./types.d.ts" */

/** Commands that were sent over REST. Each ends with its events, or when it is refused: until then, rows show what it changes. */
export class Sent {
  /** Oldest first. `seq` of the event that ends it; infinite until the server has responded. @type {(NewChange & {seq: number})[]} */
  #open = [];

  /** @returns {NewChange[]} oldest first */
  get changes() {
    return this.#open;
  }

  /**
   * Send a command.
   * @template {{seq: number | null}} Answer
   * @param {string} name
   * @param {Record<string, any>} args
   * @param {(eventId: string) => Promise<Answer>} send
   * @returns {Promise<Answer>}
   */
  async run(name, args, send) {
    const sent = { eventId: newId(), instanceId: "", name, args, note: {}, clientTimestamp: Date.now(), seq: Infinity };
    this.#open.push(sent);
    try {
      const answer = await send(sent.eventId);
      sent.seq = answer.seq ?? 0;
      return answer;
    } catch (error) {
      sent.seq = 0;
      throw error;
    }
  }

  /** End those whose events have arrived. @param {number} seq of the newest known event */
  end(seq) {
    this.#open = this.#open.filter((sent) => sent.seq > seq);
  }
}

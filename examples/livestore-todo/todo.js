/** A to-do list in LiveStore, synced by Backline's `/livestore`. */

import { makeAdapter } from '@livestore/adapter-node'
import { createStorePromise, Events, makeSchema, Schema, State } from '@livestore/livestore'
import { makeWsSync } from '@livestore/sync-cf/client'
import { WebSocket } from 'ws'

globalThis.WebSocket ??= WebSocket // Node before 22 has no WebSocket

export const events = {
  todoAdded: Events.synced({
    name: 'v1.TodoAdded',
    schema: Schema.Struct({ id: Schema.String, text: Schema.String }),
  }),
  todoDone: Events.synced({ name: 'v1.TodoDone', schema: Schema.Struct({ id: Schema.String }) }),
}

const todos = State.SQLite.table({
  name: 'todos',
  columns: {
    id: State.SQLite.text({ primaryKey: true }),
    text: State.SQLite.text(),
    done: State.SQLite.boolean({ default: false }),
  },
})

const state = State.SQLite.makeState({
  tables: { todos },
  materializers: State.SQLite.materializers(events, {
    'v1.TodoAdded': ({ id, text }) => todos.insert({ id, text }),
    'v1.TodoDone': ({ id }) => todos.update({ done: true }).where({ id }),
  }),
})

/**
 * Open the list. Items that are added while offline are pushed later.
 *
 * @param {{ url: string, storeId: string, authToken: string, clientId: string }} options `url` is Backline's, with
 *   http or https. `authToken` is an access token or, for a client that cannot refresh it, a sync token.
 */
export async function openTodos({ url, storeId, authToken, clientId }) {
  const store = await createStorePromise({
    storeId,
    schema: makeSchema({ events, state }),
    adapter: makeAdapter({
      storage: { type: 'in-memory' },
      clientId,
      sync: { backend: makeWsSync({ url: `${url.replace(/^http/, 'ws')}/livestore` }) },
    }),
    syncPayload: { authToken },
    syncPayloadSchema: Schema.Struct({ authToken: Schema.String }),
  })
  return {
    add: (/** @type {string} */ text) => store.commit(events.todoAdded({ id: crypto.randomUUID(), text })),
    finish: (/** @type {string} */ id) => store.commit(events.todoDone({ id })),
    list: () => store.query(todos.orderBy('text', 'asc')),
    close: () => store.shutdownPromise(),
  }
}

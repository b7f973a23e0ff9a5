// Real LiveStore clients that are controlled line by line: `{do, client, ...}` in, one line of JSON out.
import { createInterface } from 'node:readline'
import { openTodos } from '../../examples/livestore-todo/todo.js'

// Keep LiveStore's log out of the responses.
for (const level of ['log', 'info', 'debug', 'warn']) console[level] = console.error

const clients = new Map()
const acts = {
  open: async ({ client, ...options }) => {
    clients.set(client, await openTodos({ clientId: client, ...options }))
    return true
  },
  add: async ({ client, text }) => clients.get(client).add(text) ?? true,
  finish: async ({ client, id }) => clients.get(client).finish(id) ?? true,
  list: async ({ client }) => clients.get(client).list(),
}

for await (const line of createInterface({ input: process.stdin })) {
  const said = JSON.parse(line)
  let answer
  try {
    answer = { ok: await acts[said.do](said) }
  } catch (error) {
    answer = { error: String(error) }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
process.exit(0)

/**
 * Two clients share a list: start Backline with its sandbox (`make run`), then run `npm start`.
 *
 * For another installation, set BACKLINE_URL, STORE_ID, and SESSION_TOKEN, a sync token for that store.
 */

import { logInAtSandbox, makeStore } from './sandbox.js'
import { openTodos } from './todo.js'

const url = process.env.BACKLINE_URL ?? 'http://127.0.0.1:1337'
const storeId = process.env.STORE_ID ?? `todo-${Date.now()}`
const authToken = process.env.SESSION_TOKEN ?? (await makeStore(url, storeId, await logInAtSandbox(url)))

const [desk, phone] = await Promise.all(
  ['desk', 'phone'].map((clientId) => openTodos({ url, storeId, authToken, clientId })),
)
desk.add('Water the plants')
desk.add('Tune the piano')
phone.add('Buy strings') // at the same time: the second client to push rebases

const deadline = Date.now() + 30_000
const texts = (client) => client.list().map((todo) => todo.text).join(', ')
while (texts(desk) !== texts(phone) || desk.list().length < 3) {
  if (Date.now() > deadline) {
    console.error(`The lists differ after 30 s.\ndesk:  ${texts(desk)}\nphone: ${texts(phone)}`)
    process.exit(1)
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
}
console.log(`desk:  ${texts(desk)}\nphone: ${texts(phone)}\nBoth lists in app:${storeId} are the same.`)
process.exit(0) // LiveStore keeps its connection open

/** Helpers for the demo: log in as the user `owner` of Backline's sandbox, without a browser. */

/**
 * @param {string} url
 * @returns {Promise<string>} an access token
 */
export async function logInAtSandbox(url) {
  const cookies = new Map()
  const keep = (/** @type {Response} */ response) => {
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      cookies.set(name, value)
    }
    return response
  }
  const headers = () => ({ cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') })

  const login = keep(await fetch(`${url}/api/auth/discord/login`, { redirect: 'manual' }))
  const discord = login.headers.get('location') ?? ''
  const approved = await fetch(discord, {
    method: 'POST',
    body: new URLSearchParams({ user: 'owner' }),
    redirect: 'manual',
  })
  const back = approved.headers.get('location')
  if (!back) throw new Error('This only works with the sandbox; set SESSION_TOKEN.')
  keep(await fetch(back, { redirect: 'manual', headers: headers() }))
  keep(await fetch(`${url}/`, { headers: headers() }))
  const answer = await fetch(`${url}/api/auth/token`, {
    method: 'POST',
    headers: { ...headers(), 'x-csrftoken': cookies.get('csrftoken') ?? '', origin: url },
  })
  if (!answer.ok) throw new Error(`No token: HTTP ${answer.status}`)
  return (await answer.json()).access
}

/**
 * Create the store and a sync token for it. An access token would expire after 15 minutes.
 *
 * @param {string} url
 * @param {string} name
 * @param {string} access
 * @returns {Promise<string>} a sync token
 */
export async function makeStore(url, name, access) {
  const post = async (/** @type {string} */ path, /** @type {object} */ body) => {
    const answer = await fetch(`${url}/api/stores${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path || 'store'}: HTTP ${answer.status}`)
    return answer.json()
  }
  await post('', { name })
  return (await post(`/${name}/tokens`, { device: 'to-do example' })).token
}

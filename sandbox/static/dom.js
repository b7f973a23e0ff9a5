/**
 * Create an element with properties and children. Text is never parsed as HTML.
 * @param {string} name tag and classes: "div.embed.wide"
 * @param {Record<string, any>} [properties] DOM properties. Keys with a dash become attributes
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement & Record<string, any>}
 */
export function el(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  node.classList.add(...classes);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key.includes("-") || key === "role") node.setAttribute(key, String(value));
    else /** @type {any} */ (node)[key] = value;
  }
  for (const child of children) if (child) node.append(child);
  return node;
}

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/**
 * @param {string} path
 * @param {object} body
 * @returns {Promise<any>} the response's body. On an error it rejects with the `detail`
 */
export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.detail ?? `The sandbox returned HTTP ${answer.status}`), { status: answer.status });
  return content;
}

/**
 * @param {string} user
 * @param {File} file
 * @returns {Promise<string>} the id of the upload. On an error it rejects with the `detail`
 */
export async function upload(user, file) {
  const form = new FormData();
  form.append("user", user);
  form.append("file", file);
  const answer = await fetch("/_sandbox/uploads", { method: "POST", body: form });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.detail ?? `The sandbox returned HTTP ${answer.status}`);
  return content.id;
}

/** @type {number | undefined} */
let toastTimer;

/** @param {string} text */
export function toast(text) {
  const node = byId("toast");
  node.textContent = text;
  node.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { node.hidden = true; }, 5000);
}

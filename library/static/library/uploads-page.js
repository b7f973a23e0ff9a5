/** The page of uploads: files are sent in parts, one file after the other, and can be cancelled and deleted. */

import { Client } from "../client/client.js";
import { ApiError, NetworkError } from "../client/errors.js";
import { announce, toast } from "../backline/js/announce.js";
import { byId, element, icon, setText } from "../backline/js/dom.js";
import { duration, isolated } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";
import { reasonOf } from "../backline/js/refusal.js";

/**
 * @typedef {{id: string, name: string, size: number, offset: number, part_bytes: number, track: any}} Upload
 */

const PART_TYPE = "application/offset+octet-stream";
const PAUSE_MS = 2_000;
const ATTEMPTS = 30;
const MB = 1_000_000;

const client = new Client({ baseUrl: location.origin, userId: document.body.dataset.userId });
const list = byId("upload-list");
/** What is being sent or waits for its turn. @type {Set<Row>} */
const sending = new Set();
let turn = Promise.resolve();

/** One file in the list. */
class Row {
  #name = element("bdi");
  #state = element("span");
  #progress = element("progress", { max: "1", value: "0" });
  #button = element("button", { class: "icon-button", type: "button" }, icon("x"));
  #stopped = new AbortController();
  /** @type {Upload | null} */
  #upload = null;

  /** @param {string} name */
  constructor(name) {
    this.node = element("li", {}, element("div", { class: "upload-text" }, element("strong", {}, this.#name), this.#state), this.#button);
    this.#button.addEventListener("click", () => this.#remove());
    this.#draw(name, "");
  }

  /** Show a file that is there, or was not sent whole. @param {Upload} upload */
  show(upload) {
    this.#upload = upload;
    this.#progress.remove();
    const { track } = upload;
    const size = upload.size < MB / 10
      ? interpolate(gettext("%(size)s kB"), { size: Math.ceil(upload.size / 1000) })
      : interpolate(gettext("%(size)s MB"), { size: (upload.size / MB).toFixed(1) });
    const length = track?.duration_ms ? ` · ${duration(track.duration_ms)}` : "";
    this.#draw(track?.title ?? upload.name, track ? `${track.artist ? `${track.artist} · ` : ""}${size}${length}` : gettext("Not finished. Choose the file again."));
  }

  /** Send a file. Resolves when it is done, cancelled or refused. @param {File} file */
  async send(file) {
    if (this.#stopped.signal.aborted) return;
    this.node.append(this.#progress);
    try {
      this.#upload = await client.rest.post("/api/uploads", { name: file.name, size: file.size });
      let upload = /** @type {Upload} */ (this.#upload);
      while (!upload.track) {
        this.#progress.value = upload.offset / upload.size;
        setText(this.#state, interpolate(gettext("%(percent)s sent"), { percent: `${Math.floor((100 * upload.offset) / upload.size)}%` }));
        upload = await this.#sendPart(file, upload);
      }
      for (const other of rows) if (other !== this && other.#upload?.id === upload.id) other.node.remove();
      this.show(upload);
      announce(interpolate(gettext("Uploaded %(name)s."), { name: isolated(upload.track.title) }));
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#fail(error);
    }
  }

  /**
   * Send the next part. After a lost connection, it is sent again from the server's offset.
   * @param {File} file @param {Upload} upload
   * @returns {Promise<Upload>}
   */
  async #sendPart(file, upload) {
    const part = file.slice(upload.offset, upload.offset + upload.part_bytes);
    const path = `/api/uploads/${upload.id}`;
    for (let attempt = 1; ; attempt++) {
      try {
        if (attempt > 1) {
          const known = await client.rest.get(path, { signal: this.#stopped.signal });
          if (known.offset !== upload.offset || known.track) return known;
        }
        return await client.rest.patch(path, part, { headers: { "Content-Type": PART_TYPE, "Upload-Offset": String(upload.offset) }, signal: this.#stopped.signal });
      } catch (error) {
        const passes = error instanceof NetworkError || (error instanceof ApiError && error.status >= 500);
        if (!passes || this.#stopped.signal.aborted || attempt === ATTEMPTS) throw error;
        setText(this.#state, gettext("Waiting for the connection…"));
        await new Promise((done) => setTimeout(done, PAUSE_MS));
      }
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#upload = null;
    this.#progress.remove();
    this.#state.setAttribute("data-problem", "");
    setText(this.#state, reasonOf(error));
    announce(reasonOf(error));
  }

  /** Cancel it, delete it, or take a refused file off the list. */
  async #remove() {
    const upload = this.#upload;
    if (upload?.track && !confirm(interpolate(gettext("Delete %(name)s? This also removes it from all queues."), { name: isolated(upload.track.title) }))) return;
    this.#stopped.abort();
    try {
      if (upload) await client.rest.delete(`/api/uploads/${upload.id}`);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) return toast(reasonOf(error));
    }
    this.node.remove();
    rows.delete(this);
    await refreshRoom();
  }

  /** @param {string} name @param {string} state */
  #draw(name, state) {
    setText(this.#name, name);
    setText(this.#state, state);
    const label = interpolate(this.#upload?.track ? gettext("Delete %(name)s") : gettext("Cancel %(name)s"), { name: isolated(name) });
    this.#button.setAttribute("aria-label", label);
    this.#button.title = label;
  }
}

/** @type {Set<Row>} */
const rows = new Set();

/** @param {Iterable<File>} files */
function add(files) {
  for (const file of files) {
    const row = new Row(file.name);
    rows.add(row);
    sending.add(row);
    list.prepend(row.node);
    turn = turn.then(() => row.send(file)).then(() => {
      sending.delete(row);
      return refreshRoom();
    });
  }
  byId("upload-empty").hidden = true;
}

/**
 * Show how much room is left.
 * @param {{after?: string, limit?: number}} page
 * @returns {Promise<any>} a page of the caller's uploads
 */
async function refreshRoom(page = { limit: 1 }) {
  try {
    const query = new URLSearchParams(Object.entries(page).map(([name, value]) => [name, String(value)]));
    const found = await client.rest.get(`/api/uploads?${query}`);
    const values = { used: (found.used_bytes / MB).toFixed(0), limit: (found.limit_bytes / MB).toFixed(0), max: (found.max_bytes / MB).toFixed(0) };
    if (document.getElementById("upload-drop")) setText(byId("upload-room"), interpolate(gettext("%(used)s of %(limit)s MB used. A file may have up to %(max)s MB."), values));
    byId("upload-empty").hidden = rows.size > 0 || found.items.length > 0;
    return found;
  } catch (error) {
    toast(reasonOf(error));
    return null;
  }
}

const drop = document.getElementById("upload-drop");
if (drop) {
  const input = /** @type {HTMLInputElement} */ (byId("upload-files"));
  input.addEventListener("change", () => {
    add(input.files ?? []);
    input.value = "";
  });
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.toggleAttribute("data-over", true);
  });
  drop.addEventListener("dragleave", () => drop.toggleAttribute("data-over", false));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.toggleAttribute("data-over", false);
    add(event.dataTransfer?.files ?? []);
  });
}
addEventListener("beforeunload", (event) => {
  if (sending.size) event.preventDefault();
});

const more = /** @type {HTMLButtonElement} */ (byId("upload-more"));

/** Show the next page of files. @param {string | null} after */
async function showPage(after) {
  const found = await refreshRoom(after ? { after } : {});
  for (const upload of found?.items ?? []) {
    const row = new Row(upload.name);
    row.show(upload);
    rows.add(row);
    list.append(row.node);
  }
  if (!found) return;
  more.hidden = !found.next;
  more.onclick = async () => {
    more.disabled = true;
    const last = list.lastElementChild;
    await showPage(found.next);
    more.disabled = false;
    if (more.hidden) /** @type {HTMLElement | null} */ (last?.nextElementSibling?.querySelector("button"))?.focus();
  };
}

await showPage(null);

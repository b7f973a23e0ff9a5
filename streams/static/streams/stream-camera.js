/** Streams this device's camera: JPEG pictures at a chosen rate and size, until it is stopped. */

import { Streams } from "../client/streams.js";
import { byId, setText } from "../backline/js/dom.js";
import { gettext, interpolate, ngettext } from "../backline/js/i18n.js";

/** @import { ConnectionState, Problem, Tokens } from "../client/types.d.ts" */
/** @import { Stream } from "../client/stream.js" */

export const FRAME_TYPE = "video-frame";
const QUALITY = 0.7;
const FIGURES_MS = 1_000;
const IDLE_WORDS = gettext("Not streaming.");

/** @type {Record<string, string>} by the name of the `DOMException` that `getUserMedia` throws */
const REFUSALS = {
  NotAllowedError: gettext("Camera access was denied. Allow it in the site settings beside the address bar, then start again."),
  NotFoundError: gettext("No camera was found on this device."),
  NotReadableError: gettext("The camera is in use by another program, or it does not respond."),
  OverconstrainedError: gettext("This camera is no longer available. Choose another one."),
  SecurityError: gettext("The browser’s settings block cameras on this page."),
};
/** @type {Record<ConnectionState, string>} */
const STATES = {
  connecting: gettext("Connecting"),
  live: gettext("Streaming. Keep this page in view, because browsers slow down hidden pages."),
  waiting: gettext("Waiting for the network. The camera stays on."),
  signed_out: gettext("You are logged out."),
  refused: gettext("The server ended the stream."),
};

/** The camera's controls on a stream's page. */
export class Camera {
  #streamId;
  #streams;
  /** @type {HTMLButtonElement} */
  #toggle = byId("camera-toggle");
  /** @type {HTMLSelectElement} */
  #device = byId("camera-device");
  /** @type {HTMLVideoElement} */
  #video = byId("camera-preview");
  /** @type {MediaStream | null} */
  #media = null;
  /** @type {Stream | null} */
  #stream = null;
  /** Counts starts and stops, so that what belongs to an earlier one ends. */
  #run = 0;
  /** @type {WakeLockSentinel | null} */
  #awake = null;
  #sent = 0;
  #bytes = 0;
  #dropped = 0;

  /** @param {{streamId: string, tokens: Tokens}} options */
  constructor({ streamId, tokens }) {
    this.#streamId = streamId;
    // A connection of its own: pictures that go up do not wait behind those that come down.
    this.#streams = new Streams({ baseUrl: location.origin, tokens });
    this.#toggle.addEventListener("click", () => (this.#media ? this.stop(IDLE_WORDS) : this.start()));
    for (const id of ["camera-device", "camera-size"]) {
      byId(id).addEventListener("change", () => {
        if (this.#media) this.start();
      });
    }
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#listDevices());
    for (const change of ["online", "offline"]) addEventListener(change, () => this.#streams.wake());
    addEventListener("pagehide", () => this.stop(IDLE_WORDS));
  }

  async start() {
    this.stop(gettext("Waiting for access to the camera"));
    const run = this.#run;
    this.#complain("");
    if (!navigator.mediaDevices) {
      this.#complain(gettext("Browsers allow the camera only on pages opened over HTTPS or on this machine."));
      setText(byId("camera-state"), IDLE_WORDS);
      return;
    }
    this.#toggle.disabled = true;
    /** @type {MediaStream} */
    let media;
    try {
      media = await navigator.mediaDevices.getUserMedia({ video: this.#constraints(), audio: false });
      this.#video.srcObject = media;
      await this.#video.play();
    } catch (error) {
      const { name, message } = /** @type {DOMException} */ (error);
      this.#complain(REFUSALS[name] ?? interpolate(gettext("The camera could not be started. %(reason)s"), { reason: message }));
      setText(byId("camera-state"), IDLE_WORDS);
      this.#video.srcObject = null;
      return;
    } finally {
      this.#toggle.disabled = false;
      // The disabled button lost the focus.
      if (document.activeElement === document.body) this.#toggle.focus();
    }
    this.#media = media;
    for (const track of media.getVideoTracks()) {
      track.addEventListener("ended", () => {
        if (run !== this.#run) return;
        this.stop(IDLE_WORDS);
        this.#complain(gettext("The camera stopped because it was unplugged or its permission was revoked."));
      });
    }
    this.#video.hidden = false;
    setText(byId("camera-action"), gettext("Stop streaming"));
    this.#toggle.setAttribute("aria-pressed", "true");
    this.#listDevices();
    this.#register();
    this.#send(run);
    this.#measure(run);
    this.#keepAwake(run);
  }

  /** @param {string} words */
  stop(words) {
    this.#run++;
    for (const track of this.#media?.getTracks() ?? []) track.stop();
    this.#media = null;
    this.#awake?.release();
    this.#awake = null;
    this.#stream?.close();
    this.#stream = null;
    this.#video.srcObject = null;
    this.#video.hidden = true;
    byId("camera-figures").hidden = true;
    setText(byId("camera-action"), gettext("Start streaming"));
    this.#toggle.setAttribute("aria-pressed", "false");
    setText(byId("camera-state"), words);
  }

  #constraints() {
    const width = Number(/** @type {HTMLSelectElement} */ (byId("camera-size")).value);
    const size = { width: { ideal: width }, height: { ideal: Math.round((width * 3) / 4) } };
    // Without a choice a phone uses its rear camera.
    return this.#device.value
      ? { ...size, deviceId: { exact: this.#device.value } }
      : { ...size, facingMode: { ideal: "environment" } };
  }

  #register() {
    this.#stream = this.#streams.register({
      streamId: this.#streamId,
      clientType: /Mobi/.test(navigator.userAgent) ? "mobile" : "web",
      produces: [FRAME_TYPE],
      onState: (state, problem) => this.#follow(state, problem),
      onProblem: ({ detail }) => this.#complain(detail),
    });
  }

  /** @param {ConnectionState} state @param {Problem | null} problem */
  #follow(state, problem) {
    if (state !== "refused" && state !== "signed_out") {
      setText(byId("camera-state"), STATES[state]);
      if (state === "live") this.#complain("");
      return;
    }
    this.stop(IDLE_WORDS);
    this.#complain(`${STATES[state]} ${problem?.detail ?? ""}`);
  }

  /**
   * Send one picture after the other: each is taken, encoded and sent before the next is due.
   * @param {number} run
   */
  async #send(run) {
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d", { alpha: false });
    const wanted = () => Number(/** @type {HTMLSelectElement} */ (byId("camera-size")).value);
    let due = performance.now();
    while (run === this.#run && pen) {
      const { videoWidth, videoHeight } = this.#video;
      if (videoWidth && this.#stream?.state === "live") {
        const width = Math.min(wanted(), videoWidth);
        const height = Math.round((videoHeight * width) / videoWidth);
        if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
        pen.drawImage(this.#video, 0, 0, width, height);
        const capturedAt = Math.round(this.#streams.now());
        /** @type {Blob | null} */
        const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
        if (blob && run === this.#run) this.#handOn(new Uint8Array(await blob.arrayBuffer()), { capturedAt, width, height });
      }
      const rate = Number(/** @type {HTMLSelectElement} */ (byId("camera-rate")).value);
      // A late picture is not made up for with two at once.
      due = Math.max(due + 1000 / rate, performance.now());
      await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    }
  }

  /** @param {Uint8Array} picture @param {Record<string, unknown>} header */
  #handOn(picture, header) {
    if (this.#stream?.sendFrame(FRAME_TYPE, picture, header)) {
      this.#sent++;
      this.#bytes += picture.length;
    } else {
      this.#dropped++;
    }
  }

  /** @param {number} run */
  #measure(run) {
    this.#sent = this.#bytes = this.#dropped = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      if (run !== this.#run) {
        clearInterval(timer);
        return;
      }
      const now = performance.now();
      const figures = byId("camera-figures");
      const rate = (this.#sent / ((now - last) / 1000)).toFixed(1);
      setText(figures, figuresOf(rate, this.#bytes / this.#sent, this.#dropped));
      figures.hidden = !this.#sent && !this.#dropped;
      last = now;
      this.#sent = this.#bytes = this.#dropped = 0;
    }, FIGURES_MS);
  }

  /** Keep the screen on: a phone that turns it off stops the camera too. @param {number} run */
  async #keepAwake(run) {
    // The browser may refuse, for example on a low battery. The screen then turns off as usual.
    const lock = await navigator.wakeLock?.request("screen").catch(() => null);
    if (!lock) return;
    if (run !== this.#run) await lock.release();
    else this.#awake = lock;
  }

  async #listDevices() {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
    const chosen = this.#device.value;
    const options = cameras.map(({ deviceId, label }, index) => new Option(label || interpolate(gettext("Camera %(number)s"), { number: index + 1 }), deviceId));
    this.#device.replaceChildren(new Option(gettext("Any camera"), ""), ...options);
    if (cameras.some(({ deviceId }) => deviceId === chosen)) this.#device.value = chosen;
  }

  /** @param {string} words */
  #complain(words) {
    const problem = byId("camera-problem");
    problem.hidden = !words;
    setText(problem, words);
  }
}

/** @param {string} rate sent a second @param {number} bytes of one picture; NaN: none was sent @param {number} dropped */
function figuresOf(rate, bytes, dropped) {
  if (Number.isNaN(bytes)) return gettext("The network is too slow: no pictures are being sent.");
  const size = Math.round(bytes / 1000);
  const sent = interpolate(gettext("%(rate)s frames per second, %(size)s KB each."), { rate, size });
  if (!dropped) return sent;
  const lost = ngettext(
    "The network is slower than the camera: %(count)s frame was dropped.",
    "The network is slower than the camera: %(count)s frames were dropped.",
    dropped,
  );
  return `${sent} ${interpolate(lost, { count: dropped })}`;
}

import { byId } from "./dom.js";

/** Plays the bot's audio in a voice channel, and shows its level and loudest tone. */
export class Listener {
  constructor() {
    this.audio = /** @type {HTMLAudioElement} */ (byId("audio"));
    this.button = byId("listen-button");
    /** @type {string | null} */
    this.guildId = null;
    /** @type {AnalyserNode | null} */
    this.analyser = null;
    this.button.addEventListener("click", () => (this.audio.src ? this.stop() : this.start()));
    this.audio.addEventListener("error", () => { if (this.audio.src) this.stop(); });
    setInterval(() => this.read(), 1000);
  }

  /** @param {string | null} guildId @param {string} where name of the bot's voice channel, "" when it is in none */
  place(guildId, where) {
    if (guildId !== this.guildId) this.stop();
    this.guildId = guildId;
    this.where = where;
    byId("listen-title").textContent = where ? `Backline is in ${where}` : "Not in voice";
    this.button.disabled = !where && !this.audio.src;
    if (!where) byId("listen-detail").textContent = "The bot is not in a voice channel of this server.";
    this.read();
  }

  start() {
    // Browsers allow sound only after a user gesture, such as this click.
    if (!this.analyser) {
      const context = new AudioContext();
      this.analyser = context.createAnalyser();
      this.analyser.fftSize = 1024;
      context.createMediaElementSource(this.audio).connect(this.analyser).connect(context.destination);
      this.meter();
    }
    this.audio.src = `/_sandbox/voice/${this.guildId}/live.ogg?t=${Date.now()}`;
    void this.audio.play().catch(() => this.stop());
    this.button.textContent = "Stop listening";
  }

  stop() {
    this.audio.removeAttribute("src");
    this.audio.load(); // ends the download
    this.button.textContent = "Listen";
    this.button.disabled = !this.where;
  }

  meter() {
    const samples = new Float32Array(1024);
    const level = byId("level");
    const draw = () => {
      this.analyser?.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
      const shown = this.audio.src ? Math.min(1, Math.sqrt(power) * 2.5) : 0;
      level.style.transform = `scaleX(${shown.toFixed(3)})`;
      requestAnimationFrame(draw);
    };
    draw();
  }

  async read() {
    if (!this.guildId || !this.where || document.hidden) return;
    const answer = await fetch(`/_sandbox/voice/${this.guildId}`).catch(() => null);
    const report = answer?.ok ? (await answer.json()).voice : null;
    if (!this.where) return;
    byId("listen-detail").textContent = !report || !report.speaking
      ? "Connected, silent."
      : [
        report.tone_hz ? `loudest at ${Math.round(report.tone_hz)} Hz` : "silence",
        report.dave ? "end-to-end encrypted" : "not end-to-end encrypted",
        report.frames_lost ? `${report.frames_lost} frames lost` : "",
        report.frames_bad ? `${report.frames_bad} frames bad` : "",
      ].filter(Boolean).join(" · ");
    for (const node of document.querySelectorAll(".sitting [data-bot]")) node.classList.toggle("speaking", Boolean(report?.speaking));
  }
}

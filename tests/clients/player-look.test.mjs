import assert from "node:assert/strict";
import { test } from "node:test";

import { lookOf } from "../../queue_app/static/queue_app/player-look.js";
import { idlePlayer, makeItem } from "./peer.mjs";

const CODES = [
  "NO_VOICE_CHANNEL", "PAUSED", "STOPPED", "UNKNOWN_CHANNEL", "CANNOT_CONNECT", "CHANNEL_FULL", "NOT_ALLOWED_TO_SPEAK",
  "SERVER_MUTED", "VOICE_FAILED", "VOICE_REFUSED", "BOT_AWAY", "OF_A_LATER_VERSION",
];
const STATUS = { NO_VOICE_CHANNEL: "idle", PAUSED: "paused", STOPPED: "stopped", BOT_AWAY: "connecting" };
const STAGE_LEFT = { id: "1", name: "Stage left", stage: false };
const MAIN_STAGE = { id: "2", name: "Main Stage", stage: true };

function situation(code, { item = makeItem("now"), ...rest } = {}) {
  const error = code ? { code, detail: "What the server says." } : null;
  const player = { ...idlePlayer(), status: STATUS[code] ?? (code ? "error" : "playing"), item, error };
  return {
    player, positionMs: 109_000, waiting: 0, late: false, can: { add: true }, channels: [STAGE_LEFT, MAIN_STAGE],
    seat: null, here: null, cause: null, lost: null, changes: 0, wish: null, ...rest,
  };
}

const said = ({ lamp, kicker, buttons, round }) => [lamp, kicker, buttons.map(({ words }) => words).join(", "), round?.act ?? null];

test("the six states have their lamp, words and buttons", () => {
  const ines = { at: Date.now() - 240_000, name: "Ines" };
  const paused = lookOf(situation("PAUSED", { item: null, cause: ines }));
  assert.deepEqual(said(paused), ["rest", "Paused", "Add music", "add"]);
  assert.deepEqual([paused.title, paused.line], ["The queue is empty", "Paused by Ines 4 min ago"]);
  const nowhere = lookOf(situation("NO_VOICE_CHANNEL", { item: null, waiting: 8, here: "1" }));
  assert.deepEqual(said(nowhere), ["need", "No voice channel", "Join Stage left, Other channel", "join"]);
  assert.equal(nowhere.track, null); // it is only in the queue
  assert.match(nowhere.words, /play the 8 tracks in the queue\.$/);
  const lost = { state: "waiting", at: new Date(2026, 0, 1, 21, 14), detail: "" };
  const offline = lookOf(situation("", { lost, changes: 2 }));
  assert.deepEqual(said(offline), ["rest", "Offline since 21:14", "Reconnect, Show 2 changes", "pause"]);
  assert.match(offline.words, /at 1:49\. 2 changes will be sent when you are back online\.$/);
  assert.equal(offline.round.label, "Pause when you are back online");
  assert.deepEqual(said(lookOf(situation("BOT_AWAY"))), ["need", "Backline is offline", "", "pause"]);
  const away = lookOf(situation("BOT_AWAY", { cause: { at: Date.now() - 6_000, name: null } }));
  assert.deepEqual(said(away), ["need", "Backline is restarting", "", "pause"]);
  assert.match(away.words, /resumes at 1:49 by itself/);
  assert.deepEqual(said(lookOf(situation("SERVER_MUTED"))), ["bad", "Server muted", "Pause", "pause"]);
  const stage = situation("NOT_ALLOWED_TO_SPEAK", { here: "1" });
  stage.player.voice_channel_id = "2";
  assert.deepEqual(said(lookOf(stage)), ["need", "Asked to speak", "Play in Stage left, Other channel", "join"]);
});

test("the round button does something as long as something waits, whatever is wrong", () => {
  const losses = [null, ...["waiting", "connecting", "signed_out", "refused"].map((state) => ({ state, at: new Date(), detail: "" }))];
  for (const code of ["", ...CODES]) {
    for (const item of [null, makeItem("now")]) {
      for (const lost of losses) {
        for (const add of [true, false]) {
          const look = lookOf(situation(code, { item, waiting: 1, lost, can: { add } }));
          assert.ok(look.round, `${code} ${item} ${lost?.state} ${add}`);
          assert.equal(look.cold, lost !== null);
          if (lost || code) assert.notEqual(look.lamp, "sound");
        }
      }
    }
  }
});

test("what the server says of a fault is shown as it comes", () => {
  for (const code of CODES.slice(3)) {
    if (code !== "BOT_AWAY") assert.equal(lookOf(situation(code)).words, "What the server says.", code);
  }
});

test("a track that should have started long ago is not about to start", () => {
  const waits = situation("", { item: null, waiting: 3 });
  waits.player.status = "idle";
  assert.equal(lookOf(waits).line, "The next track is about to start.");
  assert.deepEqual(said(lookOf({ ...waits, late: true })), ["need", "Waiting for the bot", "", "pause"]);
});

test("what waits is no current track, and the button starts it", () => {
  for (const [code, kicker, words, act] of [
    ["PAUSED", "Paused", "Resume", "resume"],
    ["STOPPED", "Stopped", "Choose a channel", "resume"],
    ["NO_VOICE_CHANNEL", "No voice channel", "Choose a channel", "choose"],
    ["CHANNEL_FULL", "The channel is full", "Choose a channel", "choose"],
  ]) {
    const look = lookOf(situation(code, { item: null, waiting: 2, channels: [STAGE_LEFT, MAIN_STAGE] }));
    assert.deepEqual([look.track, look.kicker, look.buttons[0].words, look.round.act], [null, kicker, words, act]);
  }
  const lost = { state: "waiting", at: new Date(), detail: "" };
  assert.equal(lookOf(situation("PAUSED", { item: null, waiting: 2, lost })).round.act, "resume");
});

test("a track starts by itself where there is a channel to play in", () => {
  for (const code of ["", "NO_VOICE_CHANNEL", "STOPPED", "PAUSED"]) {
    const said = (rest, channelId = null) => {
      const quiet = situation(code, { item: null, ...rest });
      Object.assign(quiet.player, { voice_channel_id: channelId }, code ? {} : { status: "idle" });
      const { line, words } = lookOf(quiet);
      return `${line} ${words}`;
    };
    assert.match(said({}), /Join a voice channel or choose one above, then add a track\./, code);
    assert.match(said({ seat: "1" }), /Add a track to (start|resume) playback\./, code);
    assert.match(said({}, "2"), /Add a track to (start|resume) playback\./, code);
  }
});

test("a name that runs to the left does so in its own place", () => {
  const channels = [{ ...STAGE_LEFT, name: "\u202eevil\u2069" }];
  const [join] = lookOf(situation("NO_VOICE_CHANNEL", { waiting: 1, channels, here: "1" })).buttons;
  assert.equal(join.words, "Join \u2068\u202eevil\u2069");
});

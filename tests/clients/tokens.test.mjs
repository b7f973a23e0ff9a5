import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { TokenSource, fromSession, readLifeMs } from "../../clients/js/src/auth.js";
import { ApiError, NetworkError, SignedOutError } from "../../clients/js/src/errors.js";
import { RestClient } from "../../clients/js/src/rest.js";
import { Peer } from "./peer.mjs";

let peer, now, tokens, rest;

before(async () => (peer = await new Peer().listen()));
after(() => peer.close());
beforeEach(() => {
  now = 0;
  Object.assign(peer, { requests: [], signedOut: false, tokenLifeSeconds: 900, interceptHttp: () => null });
  const obtain = fromSession({ baseUrl: peer.baseUrl, csrfToken: () => "csrf-1" });
  tokens = new TokenSource({ obtain, now: () => now });
  rest = new RestClient({ tokens, baseUrl: peer.baseUrl });
});

const tokenRequests = () => peer.requests.filter(({ path }) => path === "/api/auth/token");

test("a token is asked for with the session's CSRF token and kept until a minute before its end", async () => {
  const first = await tokens.get();
  now = (900 - 61) * 1000;
  assert.equal(await tokens.get(), first);
  now = (900 - 59) * 1000;
  assert.notEqual(await tokens.get(), first);
  assert.equal(tokenRequests().length, 2);
  assert.equal(tokenRequests()[0].headers["x-csrftoken"], "csrf-1");
});

test("the life of a token comes from its own claims, not from the local clock", () => {
  assert.equal(readLifeMs(peer.issueToken()), 900_000);
});

test("a token that lives less than a minute is still used more than once", async () => {
  peer.tokenLifeSeconds = 20;
  const first = await tokens.get();
  now = 9_000;
  assert.equal(await tokens.get(), first);
  now = 11_000;
  assert.notEqual(await tokens.get(), first);
});

test("calls at the same time share one request", async () => {
  const all = await Promise.all([tokens.get(), tokens.get(), tokens.get()]);
  assert.equal(new Set(all).size, 1);
  assert.equal(tokenRequests().length, 1);
});

test("a failed request is not remembered", async () => {
  peer.interceptHttp = () => "cut";
  await assert.rejects(tokens.get(), NetworkError);
  peer.interceptHttp = () => null;
  assert.ok(await tokens.get());
});

test("discarding an old token leaves its successor alone", async () => {
  const old = await tokens.get();
  tokens.discard(old);
  const successor = await tokens.get();
  tokens.discard(old);
  assert.equal(await tokens.get(), successor);
});

test("no session any more is told apart from a server in trouble", async () => {
  peer.signedOut = true;
  await assert.rejects(tokens.get(), SignedOutError);
  peer.interceptHttp = () => ({ status: 503, body: { code: "UNAVAILABLE", detail: "The database is away." } });
  await assert.rejects(tokens.get(), (error) => error instanceof ApiError && error.code === "UNAVAILABLE" && error.temporary);
});

test("a refused token is replaced once and the request sent again", async () => {
  await tokens.get();
  peer.validTokens.clear();
  assert.equal((await rest.get("/api/guilds/1/snapshot")).epoch, peer.epoch);
  assert.equal(tokenRequests().length, 2);
});

test("a second refusal is final", async () => {
  peer.interceptHttp = ({ path }) => (
    path.startsWith("/api/guilds") ? { status: 401, body: { code: "SESSION_REVOKED", detail: "Revoked." } } : null
  );
  await assert.rejects(rest.get("/api/guilds/1/snapshot"), (error) => error instanceof ApiError && error.code === "SESSION_REVOKED");
  assert.equal(peer.requests.filter(({ path }) => path.startsWith("/api/guilds")).length, 2);
});

test("an error carries the server's code, sentence and fields, also without a JSON body", async () => {
  peer.interceptHttp = ({ path }) => (path === "/api/auth/token" ? null : {
    status: 400, body: { code: "INVALID", detail: "Check the fields.", errors: { query: ["It is empty."] } },
  });
  await assert.rejects(rest.post("/api/guilds/1/queue", {}), (error) => (
    error.code === "INVALID" && error.message === "Check the fields." && error.errors.query[0] === "It is empty."
  ));
  peer.interceptHttp = ({ path }) => (path === "/api/auth/token" ? null : { status: 502 });
  await assert.rejects(rest.get("/x"), (error) => error.code === "HTTP_502" && error.temporary);
});

test("a request carries bearer token, JSON and idempotency key, and no cookie", async () => {
  peer.interceptHttp = ({ path }) => (path === "/api/auth/token" ? null : { status: 201, body: {} });
  await rest.post("/api/guilds/1/queue", { query: "moss" }, { idempotencyKey: "key-1" });
  const { headers, body } = peer.requests.at(-1);
  assert.match(headers.authorization, /^Bearer /);
  assert.equal(headers["idempotency-key"], "key-1");
  assert.equal(headers.cookie, undefined);
  assert.deepEqual(body, { query: "moss" });
});

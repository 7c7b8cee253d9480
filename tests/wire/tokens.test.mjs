import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { AccessToken } from "livekit-server-sdk";
import WebSocket from "ws";
import { startServer } from "./server.mjs";

const KEY = "house";
const SECRET = "R9Qm3wYc8sKz1uXe7vBn5tGh2jLp4dFa";

let server;
before(async () => {
  server = await startServer("--no-turn", "--api-key", KEY, "--api-secret", SECRET);
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

/** A token as LiveKit's own SDK makes it. */
function token(options, grant, secret = SECRET) {
  const made = new AccessToken(KEY, secret, { ttl: "10m", ...options });
  made.addGrant({ room: "tea", roomJoin: true, ...grant });
  return made.toJwt();
}

/** Sends one join on a socket of its own; resolves with the first message, the socket, and how it is closed if it is. */
async function join(fields, query = "") {
  const socket = new WebSocket(`${server.socketUrl}${query}`);
  const inbox = [];
  const waiting = [];
  const closed = once(socket, "close").then(([code]) => code);
  socket.on("message", (data) => {
    const message = JSON.parse(data.toString());
    const next = waiting.shift();
    if (next) next(message);
    else inbox.push(message);
  });
  const next = async () => inbox.shift() ?? new Promise((resolve) => waiting.push(resolve));
  await once(socket, "open");
  const send = (message) => socket.send(JSON.stringify(message));
  send({ type: "join", roomId: "tea", ...fields });
  return { answer: await next(), next, send, closed, close: () => socket.close() };
}

test("a token of LiveKit's SDK opens its room, in the message or in the address", async () => {
  const jwt = await token({ identity: "ann", name: "Ann" });
  for (const [fields, query] of [
    [{ token: jwt }, ""],
    [{ token: jwt, identity: "ann", name: "Somebody" }, ""],
    [{}, `?token=${jwt}`],
  ]) {
    const { answer, close } = await join(fields, query);
    assert.equal(answer.type, "joined");
    assert.equal(answer.identity, "ann");
    assert.equal(answer.name, "Ann");
    assert.equal(answer.role, "member");
    close();
  }
});

test("roomAdmin makes a moderator", async () => {
  const { answer, close } = await join({ token: await token({ identity: "ann" }, { roomAdmin: true }) });
  assert.equal(answer.role, "moderator");
  close();
});

test("what a token forbids is forbidden", async () => {
  const silent = { canPublish: false, canPublishData: false };
  const one = await join({ token: await token({ identity: "ann" }, silent) });
  one.send({ type: "publish", trackId: "camera", kind: "video", id: 1 });
  assert.equal((await one.next()).code, "forbidden");
  one.send({ type: "message", data: "psst", id: 2 });
  assert.equal((await one.next()).code, "forbidden");
  one.close();
});

test("every other token is refused with its own code, and the socket closed with 4010", async () => {
  const good = await token({ identity: "ann" });
  const [header, claims, signature] = good.split(".");
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const ago = new AccessToken(KEY, SECRET, { identity: "ann", ttl: -60 });
  ago.addGrant({ room: "tea", roomJoin: true });
  const cases = {
    unauthorized: [undefined, "nonsense", `${header}.${claims}`],
    "token-bad-algorithm": [
      `${encode({ alg: "none" })}.${claims}.`,
      `${encode({ alg: "HS512" })}.${claims}.${signature}`,
      `${encode({ alg: "RS256" })}.${claims}.${signature}`,
    ],
    "token-bad-signature": [await token({ identity: "ann" }, {}, `${SECRET}x`), `${header}.${claims}.AAAA`],
    "token-expired": [await ago.toJwt()],
    "token-wrong-room": [await token({ identity: "ann" }, { room: "coffee" })],
    "token-identity": [await token({ identity: "eve" })],
    "token-too-large": ["x".repeat(9000)],
    forbidden: [await token({ identity: "ann" }, { roomJoin: false })],
  };
  const stranger = new AccessToken("stranger", SECRET, { identity: "ann" });
  stranger.addGrant({ room: "tea", roomJoin: true });
  cases["token-unknown-key"] = [await stranger.toJwt()];
  for (const [code, tokens] of Object.entries(cases)) {
    for (const jwt of tokens) {
      const { answer, closed } = await join({ token: jwt, identity: "ann", id: 7 });
      assert.deepEqual([answer.type, answer.code, answer.id], ["error", code, 7], `${code}: ${answer.code}`);
      assert.equal(await closed, 4010);
    }
  }
});

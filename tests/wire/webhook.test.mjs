// Webhooks of a real server, read by LiveKit's published receiver.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { AccessToken, WebhookReceiver } from "livekit-server-sdk";
import { WebSocket } from "ws";

const KEY = "key";
const SECRET = "a secret that only this test knows";
const binary =
  process.env.SNUG_SERVER_BIN ??
  join(process.env.CARGO_TARGET_DIR ?? join(import.meta.dirname, "../../target"), "debug/snug-server");

async function start(t, url) {
  const options = ["--listen", "127.0.0.1:0", "--no-turn", "--api-key", KEY, "--webhook-url", url];
  const env = { PATH: process.env.PATH, SNUG_API_SECRET: SECRET };
  const child = spawn(binary, options, { env, stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => child.kill());
  for await (const line of createInterface({ input: child.stdout })) {
    const address = line.match(/^listening on http:\/\/(.*)$/)?.[1];
    if (address) return address;
  }
  throw new Error(`${binary} did not start`);
}

test("LiveKit's receiver takes our events, and its tokens open our rooms", { timeout: 60_000 }, async (t) => {
  const receiver = new WebhookReceiver(KEY, SECRET);
  const events = [];
  let told = () => {};
  const http = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    try {
      events.push(await receiver.receive(body, request.headers.authorization));
      response.end();
    } catch (error) {
      events.push(error);
      response.writeHead(400).end();
    }
    told();
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => http.close());
  const address = await start(t, `http://127.0.0.1:${http.address().port}/hook`);

  const token = new AccessToken(KEY, SECRET, { identity: "ann", name: "Ann" });
  token.addGrant({ room: "tea", roomJoin: true });
  const socket = new WebSocket(`ws://${address}/ws`);
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "join", roomId: "tea", token: await token.toJwt() }));
  const [joined] = (await once(socket, "message")).map((data) => JSON.parse(data));
  assert.equal(joined.type, "joined");
  socket.send(JSON.stringify({ type: "leave" }));

  while (events.length < 4)
    await new Promise((done) => {
      told = done;
    });
  socket.close();
  assert.deepEqual(
    events.map((event) => event.event ?? event),
    ["room_started", "seat_joined", "seat_left", "room_ended"],
  );
  assert.ok(
    events.every((event) => event.room.name === "tea" && event.id.startsWith("EV_") && event.createdAt > 0n),
  );
  assert.equal(events[1].participant.sid, joined.peerId);
  assert.deepEqual([events[1].participant.identity, events[1].participant.name], ["ann", "Ann"]);
  await assert.rejects(receiver.receive("{}", await token.toJwt()), "a signature of something else");

  const admin = new AccessToken(KEY, SECRET);
  admin.addGrant({ roomCreate: true, roomList: true });
  const headers = { authorization: `Bearer ${await admin.toJwt()}` };
  const list = await fetch(`http://${address}/api/rooms`, { headers });
  assert.deepEqual([list.status, await list.json()], [200, { rooms: [] }]);
});

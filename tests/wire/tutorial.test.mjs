import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "./server.mjs";
import { TutorialClient } from "./tutorial.mjs";

let server;
before(async () => {
  server = await startServer("--grace", "1");
});
after(async () => {
  assert.equal(await server.stop(), 0);
  assert.equal(server.lines.length, 1, "stdout has the one line");
});

const offer = { type: "offer", sdp: { type: "offer", sdp: "v=0\r\n" } };
const answer = { type: "answer", sdp: { type: "answer", sdp: "v=0\r\n" } };
const candidate = {
  type: "candidate",
  candidate: { candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host", sdpMid: "0" },
};

async function pair(room) {
  const one = await TutorialClient.open(server.socketUrl);
  const first = await one.join(room);
  const two = await TutorialClient.open(server.socketUrl);
  const second = await two.join(room);
  const heard = await one.next();
  return { one, two, first, second, heard };
}

test("two tutorial clients meet, and each hears of the other", async () => {
  const { one, two, first, second, heard } = await pair("meet");
  assert.equal(first.type, "joined");
  assert.equal(first.roomId, "meet");
  assert.deepEqual(first.peers, []);
  assert.deepEqual(
    second.peers.map((peer) => peer.peerId),
    [first.peerId],
  );
  assert.equal(heard.type, "peer-joined");
  assert.equal(heard.peerId, second.peerId);
  one.close();
  two.close();
});

test("offer, answer and candidates without `to` reach the other one, with `from`", async () => {
  const { one, two, first, second } = await pair("broadcast");
  two.send({ ...offer, from: "somebody else" });
  assert.deepEqual(await one.next(), { ...offer, from: second.peerId });
  one.send(answer);
  assert.deepEqual(await two.next(), { ...answer, from: first.peerId });
  for (const [sender, receiver, from] of [
    [one, two, first.peerId],
    [two, one, second.peerId],
  ]) {
    sender.send(candidate);
    assert.deepEqual(await receiver.next(), { ...candidate, from });
  }
  one.close();
  two.close();
});

test("with `to`, a message reaches that one only", async () => {
  const { one, two, first, second } = await pair("directed");
  const three = await TutorialClient.open(server.socketUrl);
  const third = await three.join("directed");
  assert.equal((await one.next()).peerId, third.peerId);
  assert.equal((await two.next()).peerId, third.peerId);
  for (const message of [offer, answer, candidate]) {
    three.send({ ...message, to: first.peerId });
    three.send({ ...candidate, candidate: null, to: second.peerId });
    assert.deepEqual(await one.next(), { ...message, from: third.peerId });
    assert.deepEqual(await two.next(), { type: "candidate", candidate: null, from: third.peerId });
  }
  for (const client of [one, two, three]) client.close();
});

test("one who leaves is gone at once, one whose socket drops is gone after the grace period", async () => {
  const { one, two, first, second } = await pair("leaving");
  const three = await TutorialClient.open(server.socketUrl);
  await three.join("leaving");
  await one.next();
  await two.next();
  two.leave();
  assert.deepEqual(await one.next(), {
    type: "peer-left",
    peerId: second.peerId,
    identity: second.identity,
    reason: "left",
  });
  await three.next();
  one.close();
  const left = await three.next();
  assert.equal(left.type, "peer-left");
  assert.equal(left.peerId, first.peerId);
  assert.equal(left.reason, "timeout");
  three.close();
});

test("nothing leaks into another room", async () => {
  const here = await pair("here");
  const there = await pair("there");
  here.one.send({ ...offer, to: there.first.peerId });
  here.one.send(offer);
  assert.deepEqual(await here.two.next(), { ...offer, from: here.first.peerId });
  there.one.send(answer);
  assert.equal(
    (await there.two.next()).type,
    "answer",
    "the first thing that is heard there comes from there",
  );
  for (const client of [here.one, here.two, there.one, there.two]) client.close();
});

test("Ctrl-C tells clients to go elsewhere, and the process ends", async () => {
  const other = await startServer();
  const client = await TutorialClient.open(other.socketUrl);
  await client.join("draining");
  const [code, exit] = await Promise.all([client.closed, other.stop()]);
  assert.equal(code, 1001);
  assert.equal(exit, 0);
});

test("the page for guests is the same for every room, and it is locked down", async () => {
  for (const path of ["/", "/r/some-room"]) {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type"), /^text\/html/);
    assert.match(response.headers.get("content-security-policy"), /default-src 'none'/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.match(await response.text(), /<html/);
  }
  assert.equal(await (await fetch(`${server.url}/healthz`)).text(), "ok\n");
  assert.equal((await fetch(`${server.url}/nothing`)).status, 404);
  assert.equal((await fetch(`${server.url}/../../Cargo.toml`)).status, 404);
});

// livekit-client in the webview. A server of a few lines joins it to a room, and lets Chromium answer for the media server.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { WebSocketServer } from "ws";
import { End } from "./cases.mjs";

// The protocol in the version that the client speaks.
const { JoinResponse, SignalRequest, SignalResponse, SignalTarget, TrackInfo } = createRequire(
  createRequire(import.meta.url).resolve("livekit-client"),
)("@livekit/protocol");

export async function liveKit(page, pageOther) {
  await page.run("await ready");
  const media = await End.open(pageOther, { polite: true });
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  let running = true;
  const failures = [];
  const pumps = [];
  server.on("connection", (socket) => {
    const tell = (message) => socket.send(new SignalResponse({ message }).toBinary());
    const join = {
      room: { sid: "RM_1", name: "room" },
      participant: { sid: "PA_1", identity: "one", permission: { canPublish: true, canSubscribe: true } },
      serverVersion: "1.9.0",
      serverInfo: { version: "1.9.0", protocol: 16 },
      subscriberPrimary: false,
      pingTimeout: 60,
      pingInterval: 30,
    };
    tell({ case: "join", value: new JoinResponse(join) });
    socket.on("message", (data) => {
      const { message } = SignalRequest.fromBinary(data);
      hear(message, media, tell).catch((error) => failures.push(error));
    });
    pumps.push(pump(media, tell, () => running));
  });
  let number;
  try {
    const url = `ws://127.0.0.1:${server.address().port}`;
    number = await page.run("return await libraries.liveKit(args[0])", url);
    await page.run("await libraries.told(args[0], 'connected')", number);
    const { frames } = await media.call("media", 20, { audio: false });
    return `${frames} frames`;
  } catch (error) {
    error.message += failures.map((one) => `\n${one.stack}`).join("");
    throw error;
  } finally {
    running = false;
    await Promise.allSettled([
      number === undefined ? undefined : page.run("libraries.close(args[0])", number),
      ...pumps,
    ]);
    await media.close();
    for (const client of server.clients) client.terminate();
    server.close();
    assert.deepEqual(failures.map(String), []);
  }
}

async function hear({ case: kind, value }, media, tell) {
  if (kind === "offer") {
    media.offer = value.id;
    await media.call("deliver", { description: { type: "offer", sdp: value.sdp } });
  } else if (kind === "trickle") {
    await media.call("deliver", { candidate: JSON.parse(value.candidateInit) });
  } else if (kind === "addTrack") {
    const track = new TrackInfo({ sid: "TR_1", name: value.name, type: value.type, source: value.source });
    tell({ case: "trackPublished", value: { cid: value.cid, track } });
  }
}

/** What Chromium has to say, in the protocol's words. */
async function pump(media, tell, running) {
  while (running()) {
    for (const { description, candidate } of await media.call("drain")) {
      if (description) tell({ case: "answer", value: { ...description, id: media.offer } });
      else if (candidate)
        tell({
          case: "trickle",
          value: { candidateInit: JSON.stringify(candidate), target: SignalTarget.PUBLISHER },
        });
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

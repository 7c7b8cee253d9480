// The webview's media pipelines without Rust's engine: a socket that gives every frame back plays its part.
import assert from "node:assert/strict";
import { WebSocketServer } from "ws";

/** Samples' bytes of a block of 10 ms. */
const BLOCK = 960;

/** What the microphones took comes back as every voice that is wanted (../../src/audio/message.rs). */
function voices(tick, waiting, enabled) {
  const [sources, count, heard] = tick.subarray(24);
  let at = 28 + (heard ? BLOCK : 0);
  for (let index = 0; index < sources; index++) {
    const block = tick.subarray(at + 4, at + 4 + BLOCK);
    waiting.push(enabled ? block : Buffer.alloc(BLOCK));
    at += 4 + BLOCK;
  }
  const parts = [Buffer.alloc(28)];
  parts[0][0] = 8;
  parts[0].writeUInt32LE(count, 24);
  for (let index = 0; index < count; index++, at += 16) {
    const blocks = Math.min(tick.readUInt16LE(at + 8), 16);
    const head = Buffer.alloc(12);
    tick.copy(head, 0, at, at + 8);
    head.writeUInt16LE(blocks, 8);
    parts.push(head);
    for (let block = 0; block < blocks; block++) parts.push(waiting.shift() ?? Buffer.alloc(BLOCK));
  }
  return Buffer.concat(parts);
}

/** Video to send (kind 1) comes back as received (3), samples as what is to be played. Gives what was counted. */
export function mirror() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const counts = { video: 0, audio: 0, keys: 0, bytes: 0 };
  const reports = [];
  server.on("connection", (socket) => {
    const waiting = [];
    let enabled = true;
    socket.on("message", (data, binary) => {
      if (!binary) {
        const report = JSON.parse(String(data));
        if (report.type === "audio-enabled") enabled = report.enabled;
        reports.push(report);
        return;
      }
      const kind = data[0];
      if (kind === 7) {
        counts.audio++;
        socket.send(voices(data, waiting, enabled));
        return;
      }
      if (kind === 1) counts.video++;
      if (kind === 1 && data[1] & 1) counts.keys++;
      counts.bytes += data.length;
      data[0] = kind + 2;
      socket.send(data);
    });
  });
  const ready = new Promise((resolve) => server.once("listening", resolve));
  return {
    ready,
    counts,
    reports,
    url: () => `ws://127.0.0.1:${server.address().port}/`,
    close: () => server.close(),
  };
}

export async function pipelines(webview) {
  const socket = mirror();
  await socket.ready;
  try {
    const report = await webview.run("return await pipelines.loop(args[0])", socket.url());
    assert.ok(report.frames >= 60, `frames: ${report.frames}`);
    assert.deepEqual(report.size, [640, 480]);
    assert.ok(socket.counts.keys >= 2 && socket.counts.keys < 20, `key frames: ${socket.counts.keys}`);
    const stats = socket.reports.filter(({ type }) => type === "pipeline");
    const sent = stats.findLast(({ side, transceiver }) => side === "send" && transceiver === 1);
    const twin = stats.findLast(({ side, transceiver }) => side === "send" && transceiver === 2);
    assert.deepEqual(sent.stats, twin.stats, "one camera is encoded once");
    const source = socket.reports.find(({ type }) => type === "audio-source");
    assert.ok(source.echoCancellation && source.noiseSuppression && source.autoGainControl, "processing");
    return `${report.frames} frames, level ${report.level.toFixed(3)}, ${socket.counts.audio} ticks, ${JSON.stringify(sent.stats)}`;
  } finally {
    socket.close();
  }
}

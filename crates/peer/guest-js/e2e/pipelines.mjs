// The webview's media pipelines without Rust's engine: a socket that gives every frame back plays its part.
import assert from "node:assert/strict";
import { WebSocketServer } from "ws";

/** Kinds 1 and 2 (to send) come back as 3 and 4 (received). Gives what was counted of the frames. */
export function mirror() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const counts = { video: 0, audio: 0, keys: 0, bytes: 0 };
  const reports = [];
  server.on("connection", (socket) => {
    socket.on("message", (data, binary) => {
      if (!binary) {
        reports.push(JSON.parse(String(data)));
        return;
      }
      const kind = data[0];
      if (kind === 1) counts.video++;
      if (kind === 2) counts.audio++;
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
    const heard = stats.findLast(({ side, transceiver }) => side === "receive" && transceiver === 3);
    assert.ok(heard.stats.rtp.totalAudioEnergy > 0, "audio energy");
    return `${report.frames} frames, level ${report.level.toFixed(3)}, ${JSON.stringify(heard.stats.rtp)} ${JSON.stringify(sent.stats)}`;
  } finally {
    socket.close();
  }
}

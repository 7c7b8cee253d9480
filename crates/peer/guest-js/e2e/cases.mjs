// The end-to-end cases. An end is a page (`run`) with the number of its peer.
import assert from "node:assert/strict";

/** One peer in a page. Signals travel through this process, in order. */
export class End {
  constructor(page, number) {
    this.page = page;
    this.number = number;
  }

  static async open(page, options = {}) {
    await page.run("await ready");
    return new End(page, await page.run("return probe.open(args[0])", options));
  }

  /** Calls a function of the probe with the peer's number first. */
  call(name, ...args) {
    return this.page.run(`return await probe.${name}(...args)`, this.number, ...args);
  }

  /** Runs a function's body with `pc` in its scope. */
  with(body) {
    return this.page.run(`const { pc } = probe.at(args[0]); ${body}`, this.number);
  }

  close() {
    return this.call("close");
  }
}

/** Carries signals between two ends until it is stopped; its errors come out of `stop`. */
export function carry(one, other) {
  let running = true;
  let failure;
  const pump = async (from, to) => {
    while (running) {
      const signals = await from.call("drain");
      for (const signal of signals) await to.call("deliver", signal);
      if (signals.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const done = Promise.all([pump(one, other), pump(other, one)]).catch((error) => {
    failure = error;
    running = false;
  });
  return {
    async stop() {
      running = false;
      await done;
      if (failure) throw failure;
    },
  };
}

/** Opens two ends, plays `story` with the signals carried between them, and closes everything. */
export async function together(pageOne, pageOther, story, options = {}) {
  const one = await End.open(pageOne, options);
  const other = await End.open(pageOther, { polite: true, ...options });
  const signals = carry(one, other);
  try {
    const note = await story(one, other);
    await signals.stop();
    for (const end of [one, other]) {
      const errors = (await end.call("events")).filter((event) => event.startsWith("error"));
      assert.deepEqual(errors, []);
    }
    return note;
  } catch (error) {
    const told = await Promise.allSettled([one.call("events"), other.call("events")]);
    const stopped = await signals.stop().catch((cause) => cause);
    error.message += `\n${told.map(({ value, reason }) => JSON.stringify(value ?? String(reason))).join("\n")}`;
    if (stopped) error.message += `\nsignals: ${stopped}`;
    throw error;
  } finally {
    await Promise.allSettled([one.close(), other.close()]);
  }
}

async function bothWays(one, other) {
  const [there, here] = await Promise.all([other.call("media"), one.call("media")]);
  for (const seen of [there, here]) {
    assert.ok(seen.frames >= 60, `frames: ${seen.frames}`);
    assert.ok(seen.level > 0, `level: ${seen.level}`);
  }
  return `${here.frames}/${there.frames} frames, levels ${here.level.toFixed(3)}/${there.level.toFixed(3)}`;
}

async function call(one, other) {
  await other.call("send");
  await one.call("send");
  await Promise.all([one.call("connected"), other.call("connected")]);
  return bothWays(one, other);
}

/** Only the first end offers; the second answers with its own tracks in the same sections. */
async function offerOneWay(one, other) {
  await one.call("send");
  await Promise.all([one.call("connected"), other.call("connected")]);
  await other.call("media", 60);
  await other.call("send");
  return bothWays(one, other);
}

async function channel(one, other) {
  // A text, 100 000 bytes, an empty text.
  assert.deepEqual(await one.call("echo"), ["äöü", 100_000, ""]);
  assert.deepEqual(await other.call("echo", "back"), ["äöü", 100_000, ""]);
  const events = await other.call("events");
  assert.ok(events.includes("open echo") && events.includes("close echo"), JSON.stringify(events));
}

/** Both ends offer at once: the polite one gives way, and both tracks arrive. */
async function glare(one, other) {
  await Promise.all([one.call("send", { audio: false }), other.call("send", { audio: false })]);
  await Promise.all([one.call("connected"), other.call("connected")]);
  const seen = await Promise.all([one, other].map((end) => end.call("media", 30, { audio: false })));
  const states = await Promise.all([one, other].map((end) => end.with("return pc.signalingState")));
  assert.deepEqual(states, ["stable", "stable"]);
  return `${seen[0].frames}/${seen[1].frames} frames`;
}

/** `replaceTrack` changes picture and size without negotiation. */
async function replace(one, other) {
  await one.call("send");
  await other.call("media", 10);
  const before = (await one.call("events")).filter((event) => event === "negotiationneeded").length;
  await one.call("replaceVideo", 320, 180, "#3a6");
  const size = await other.call("sizeOf", 320);
  await other.call("media", 30);
  const after = (await one.call("events")).filter((event) => event === "negotiationneeded").length;
  assert.equal(after, before);
  return size.join("x");
}

/** A canvas that is captured without a rate: WebKitGTK's encoders get nothing out of its pictures as they come. */
export async function drawing(one, other) {
  await one.with(`
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const ink = canvas.getContext("2d");
    let drawn = 0;
    globalThis.drawing = setInterval(() => {
      ink.fillStyle = \`hsl(\${7 * drawn++} 80% 50%)\`;
      ink.fillRect(0, 0, 320, 240);
    }, 50);
    pc.addTrack(canvas.captureStream().getVideoTracks()[0]);`);
  await Promise.all([one.call("connected"), other.call("connected")]);
  const { frames } = await other.call("media", 30, { audio: false });
  await one.page.run("clearInterval(globalThis.drawing)");
  return `${frames} frames`;
}

/** Muting by `enabled`: the other end sees black, then a picture again. */
async function mute(one, other) {
  await one.call("send");
  await other.call("media", 10);
  await one.page.run("for (const t of probe.at(args[0]).local.getTracks()) t.enabled = false", one.number);
  await other.call("dark", true);
  await one.page.run("for (const t of probe.at(args[0]).local.getTracks()) t.enabled = true", one.number);
  await other.call("dark", false);
  await other.call("media", 20);
}

/** A track is taken away and comes back; a transceiver is stopped. */
async function renegotiate(one, other) {
  await one.call("send");
  await other.call("media", 10);
  await one.with("pc.removeTrack(pc.getSenders().find((s) => s.track?.kind === 'video'))");
  await other.page.run(
    "await probe.until(() => probe.events(args[0]).includes('mute video'), 'mute')",
    other.number,
  );
  await one.page.run(
    "const p = probe.at(args[0]); p.pc.addTrack(p.local.getVideoTracks()[0], p.local)",
    one.number,
  );
  await other.page.run(
    "await probe.until(() => probe.events(args[0]).filter((e) => e.startsWith('track video')).length === 2, 'track')",
    other.number,
  );
  await other.call("media", 30);
  await one.with("pc.getTransceivers().find((t) => t.sender.track?.kind === 'video').stop()");
  await other.page.run(
    "await probe.until(() => probe.events(args[0]).includes('ended video'), 'ended')",
    other.number,
  );
}

async function restart(one, other) {
  await one.call("send");
  await other.call("media", 10);
  const before = await one.with("return pc.localDescription.sdp.match(/a=ice-ufrag:(.*)/)[1]");
  await one.with("pc.restartIce()");
  await one.page.run(
    `const { pc } = probe.at(args[0]);
     await probe.until(() => pc.signalingState === "stable" && !pc.localDescription.sdp.includes("a=ice-ufrag:" + args[1]), "new credentials")`,
    one.number,
    before,
  );
  await Promise.all([one.call("connected"), other.call("connected")]);
  await other.call("media", 30);
}

async function statistics(one, other) {
  await other.call("send");
  await one.call("send");
  await bothWays(one, other);
  const has = async (end, type, kind, member) => {
    await end.page.run(
      `await probe.until(async () => {
         const found = (await probe.stats(args[0])).filter((s) => s.type === args[1] && (!args[2] || s.kind === args[2]));
         return found.some((s) => s[args[3]] > 0);
       }, args.slice(1).join(" "))`,
      end.number,
      type,
      kind,
      member,
    );
  };
  for (const end of [one, other]) {
    await has(end, "outbound-rtp", "video", "framesEncoded");
    await has(end, "outbound-rtp", "video", "bytesSent");
    await has(end, "inbound-rtp", "video", "framesDecoded");
    await has(end, "inbound-rtp", "video", "jitterBufferEmittedCount");
    // Chromium without an audio device plays nothing, and measures nothing.
    if (end.page.kind === "webview") await has(end, "inbound-rtp", "audio", "totalAudioEnergy");
    await has(end, "inbound-rtp", "audio", "packetsReceived");
    if (end.page.kind === "webview") {
      await has(end, "inbound-rtp", "audio", "jitterBufferEmittedCount");
      await has(end, "media-source", "audio", "totalAudioEnergy");
      await loud(end);
    }
    await has(end, "candidate-pair", "", "bytesSent");
  }
  return (await Promise.all([one, other].map(voiceOf))).join(", ");
}

/** The voice that is heard is told of as a synchronization source, with the SSRC of the statistics. */
async function loud(end) {
  await end.page.run(
    `const { pc } = probe.at(args[0]);
     const { receiver } = pc.getTransceivers().find(({ receiver }) => receiver.track.kind === "audio");
     const stats = await probe.stats(args[0]);
     const { ssrc } = stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
     await probe.until(
       () => receiver.getSynchronizationSources().some((s) => s.source === ssrc && s.audioLevel > 0.003),
       "a source that speaks");`,
    end.number,
  );
}

/** What became of a voice, in words. */
async function voiceOf(end) {
  const heard = (await end.call("stats")).find(
    ({ type, kind }) => type === "inbound-rtp" && kind === "audio",
  );
  const concealed = (heard.concealedSamples / heard.totalSamplesReceived) * 100;
  const delay = (heard.jitterBufferDelay / heard.jitterBufferEmittedCount) * 1000;
  return `${end.page.kind}: ${concealed.toFixed(1)} % of the voice made up, ${delay.toFixed(0)} ms of waiting`;
}

/** `setParameters` makes the picture smaller, and large again. */
async function limits(one, other) {
  await one.call("send", { audio: false });
  await other.call("media", 5, { audio: false });
  const scale = (by) =>
    one.with(`const [sender] = pc.getSenders();
      const parameters = sender.getParameters();
      parameters.encodings[0].scaleResolutionDownBy = ${by};
      await sender.setParameters(parameters);`);
  await scale(4);
  const small = await other.call("sizeOf", 160);
  await scale(1);
  await other.call("media", 10, { audio: false });
  return small.join("x");
}

/** Frames that go by while statistics are gathered; each of the mesh has seen 30 before the next joins. */
const SAME = 5;

/** One camera sent to three others at once; the webview encodes it once. */
export async function mesh(page, pageOther) {
  const size = 3;
  const senders = [];
  const frames = [];
  const grow = (index) =>
    together(page, pageOther, async (one, other) => {
      if (index === 0) await one.call("send");
      else await one.page.run("probe.share(args[0], args[1])", senders[0].number, one.number);
      senders.push(one);
      frames.push((await other.call("media", 30)).frames);
      if (index + 1 < size) return grow(index + 1);
      if (page.kind !== "webview") return;
      // All at once, as frames go on: two encoders would be as far apart as their first frames were.
      const encoded = await page.run(
        `const reports = await Promise.all(args.map((number) => probe.stats(number)));
        return reports.map((stats) =>
          stats.find(({ type, kind }) => type === "outbound-rtp" && kind === "video").framesEncoded);`,
        ...senders.map(({ number }) => number),
      );
      assert.ok(Math.max(...encoded) - Math.min(...encoded) <= SAME, `encoded: ${encoded}`);
    });
  await grow(0);
  return `${frames.join("/")} frames`;
}

export const CASES = {
  call,
  offerOneWay,
  channel,
  glare,
  replace,
  mute,
  renegotiate,
  restart,
  statistics,
  limits,
};

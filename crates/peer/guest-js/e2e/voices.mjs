// Calls in each codec of voices: what a gateway without Opus is spoken to in.
import assert from "node:assert/strict";
import { until } from "./webview.mjs";

const named = (codec) => `audio/${codec}`;

/** A function for pages: what a connection's voices are to be coded in; none for no preference. */
export const PREFER_VOICE = `const preferVoice = (pc, wanted) => {
  const { codecs } = RTCRtpReceiver.getCapabilities("audio");
  const named = (name) => codecs.filter(({ mimeType }) => mimeType === "audio/" + name);
  const list = wanted.length > 0 ? [...wanted, "telephone-event"].flatMap(named) : [];
  for (const one of pc.getTransceivers()) if (one.receiver.track.kind === "audio") one.setCodecPreferences(list);
};`;

/** Sends a microphone in the codecs that are named, the most wanted first. */
async function send(end, ...wanted) {
  await end.page.run(
    `await probe.send(args[0], { video: false });
     ${PREFER_VOICE}
     preferVoice(probe.at(args[0]).pc, args[1]);`,
    end.number,
    wanted,
  );
}

/** Has a voice sent in another codec, without a word to the other end. */
async function choose(end, codec) {
  await end.page.run(
    `const [sender] = probe.at(args[0]).pc.getSenders();
     const parameters = sender.getParameters();
     const codec = parameters.codecs.find(({ mimeType }) => mimeType === args[1]);
     const { payloadType, ...rest } = codec;
     parameters.encodings[0].codec = rest;
     await sender.setParameters(parameters);`,
    end.number,
    named(codec),
  );
}

/** What statistics say of the voice in one direction, with its codec's. */
async function of(end, type) {
  const all = await end.call("stats");
  const voice = all.find((one) => one.type === type && one.kind === "audio");
  const { mimeType, clockRate, payloadType, channels } = all.find(({ id }) => id === voice?.codecId) ?? {};
  return { ...voice, codec: { mimeType, clockRate, payloadType, channels } };
}

const PCMU = { mimeType: "audio/PCMU", clockRate: 8000, payloadType: 0, channels: 1 };
/** Four seconds of packets of 20 ms, and milliseconds in which they must have come. */
const PACKETS = 200;
const PATIENCE = 60_000;

/** How a voice that is heard changes while so many packets of it come. */
async function listen(end) {
  const [before, sent] = [await of(end, "inbound-rtp"), await of(end, "outbound-rtp")];
  const came = async () => (await of(end, "inbound-rtp")).packetsReceived - before.packetsReceived;
  await until(async () => (await came()) >= PACKETS, `${PACKETS} packets of a voice`, PATIENCE);
  const [after, later] = [await of(end, "inbound-rtp"), await of(end, "outbound-rtp")];
  const grown = (member) => (after[member] ?? 0) - (before[member] ?? 0);
  return {
    kind: end.page.kind,
    heard: after.codec,
    said: later.codec,
    packets: later.packetsSent - sent.packetsSent,
    bytes: (later.bytesSent - sent.bytesSent) / (later.packetsSent - sent.packetsSent),
    received: grown("packetsReceived"),
    energy: grown("totalAudioEnergy"),
    concealed: grown("concealedSamples") / Math.max(1, grown("totalSamplesReceived")),
    jitter: after.jitter,
  };
}

function tell({ kind, packets, bytes, received, energy, concealed, jitter }) {
  return (
    `${kind}: ${packets} packets of ${bytes} bytes said, ${received} heard, energy ${energy.toFixed(4)}, ` +
    `${(concealed * 100).toFixed(1)} % made up, jitter ${(jitter * 1000).toFixed(1)} ms`
  );
}

/** Both ends hear the other. */
async function audible(...ends) {
  const seen = await Promise.all(ends.map((end) => end.call("media", 0, { video: false })));
  for (const { level } of seen) assert.ok(level > 0.003, `level: ${level}`);
}

/** Only one end wants PCMU and nothing else. */
async function pcmu(one, other) {
  await send(one, "PCMU");
  await Promise.all([one.call("connected"), other.call("connected")]);
  await send(other);
  await audible(one, other);
  const both = await Promise.all([listen(one), listen(other)]);
  const told = both.map(tell).join("; ");
  for (const { kind, heard, said, packets, bytes, received, energy, concealed, jitter } of both) {
    assert.deepEqual([heard, said], [PCMU, PCMU], told);
    assert.ok(jitter < 0.05, told);
    // Chromium without an audio device plays nothing, and measures nothing.
    if (kind !== "webview") continue;
    assert.equal(bytes, 160, told);
    assert.ok(Math.abs(packets - PACKETS) <= PACKETS / 10, told);
    assert.ok(Math.abs(received - PACKETS) <= PACKETS / 10, told);
    assert.ok(energy > 0 && concealed < 0.05, told);
  }
  return told;
}

/** Keys are heard while the voice is silent, on the clock of G.711. */
async function tones(one, other) {
  const [from, to] = other.page.kind === "chromium" ? [one, other] : [other, one];
  if (to.page.kind !== "chromium") return { skipped: "the webview plays no tones that come" };
  await send(one, "PCMU");
  await Promise.all([one.call("connected"), other.call("connected")]);
  await send(other);
  await audible(one, other);
  await to.page.run(
    `const context = new AudioContext();
     await context.resume();
     globalThis.toneMeter = new pipelines.Meter(context, probe.at(args[0]).voices.at(-1));
     await toneMeter.reaches((level) => level > 0.05);`,
    to.number,
  );
  await from.page.run("for (const t of probe.at(args[0]).local.getTracks()) t.enabled = false", from.number);
  // The microphone pauses, too, but not for so long.
  await to.page.run(`let quiet = 0;
    await toneMeter.reaches((level) => { quiet = level < 0.001 ? quiet + 1 : 0; return quiet > 20; });`);
  await from.with(`
    const { sender } = pc.getTransceivers().find(({ sender }) => sender.track?.kind === "audio");
    sender.dtmf.insertDTMF("159", 3000);`);
  await to.page.run("await toneMeter.reaches((level) => level > 0.05); toneMeter.stop();");
  const { mimeType } = (await of(from, "outbound-rtp")).codec;
  assert.equal(mimeType, named("PCMU"));
}

/** Opus, then G.711 and back, by the sender's choice alone. */
async function chosen(one, other) {
  await send(one);
  await Promise.all([one.call("connected"), other.call("connected")]);
  await send(other);
  await audible(one, other);
  const told = [];
  for (const codec of ["PCMA", "opus"]) {
    for (const end of [one, other]) await choose(end, codec);
    await audible(one, other);
    for (const seen of await Promise.all([listen(one), listen(other)])) {
      told.push(`${codec}, ${tell(seen)}`);
      assert.deepEqual([seen.heard.mimeType, seen.said.mimeType], [named(codec), named(codec)], told.join());
      if (seen.kind === "webview") assert.ok(seen.energy > 0 && seen.concealed < 0.05, told.join());
    }
  }
  return told.join("; ");
}

export const VOICES = { PCMU: pcmu, tones, chosen };

// Encoded transforms: frames sealed by one end's worker and opened by the other's, in the webview as in Chromium.
import assert from "node:assert/strict";
import { lacks, PREFER } from "./codecs.mjs";
import { PREFER_VOICE } from "./voices.mjs";

const FLOWS = ["send video", "send audio", "receive video", "receive audio"];

const sealing = (end, name, ...args) =>
  end.page.run(`return await sealing.${name}(...args)`, end.number, ...args);

/** Sends, and does `name` of the page's `sealing` to what is sent before any of it can leave. */
const send = (end, codecs, name, ...args) =>
  end.page.run(
    `const [{ video = [], voice = [] }, ...given] = args;
     await probe.send(given[0]);
     ${PREFER} ${PREFER_VOICE}
     prefer(probe.at(given[0]).pc, video);
     preferVoice(probe.at(given[0]).pc, voice);
     sealing.${name}(...given);`,
    codecs,
    end.number,
    ...args,
  );

/** Both ends send, `received` and `sent` being done to what comes and to what goes. */
async function call(one, other, received, sent, { secret = () => "one key", codecs = {} } = {}) {
  for (const end of [other, one]) await sealing(end, received, secret(end));
  for (const end of [other, one]) await send(end, codecs, sent, secret(end));
  await Promise.all([one.call("connected"), other.call("connected")]);
}

/** VP8 and Opus are what both ends offer first. */
const preferred = (codec, voice) => ({
  video: codec === "VP8" ? [] : [codec],
  voice: voice === "opus" ? [] : [voice],
});

/** Waits until so many frames have come through each of the named flows. */
function passed(end, names, member, count) {
  return end.page.run(
    `await probe.until(async () => {
       const flows = await sealing.flows(args[0]);
       return args[1].every((name) => (flows[name]?.[args[2]] ?? 0) >= args[3]);
     }, args[3] + " " + args[2] + " of " + args[1], 30000)`,
    end.number,
    names,
    member,
    count,
  );
}

async function shown(end, frames = 60) {
  const seen = await end.call("media", frames);
  assert.ok(seen.level > 0, `level: ${seen.level}`);
  return seen.frames;
}

async function inbound(end, kind) {
  const stats = await end.call("stats");
  return stats.filter((one) => one.type === "inbound-rtp" && one.kind === kind);
}

/** The same key at both ends: everything is seen and heard, and nothing passed in clear. */
async function sealed(one, other, codec = "VP8", voice = "opus") {
  await call(one, other, "open", "seal", { codecs: preferred(codec, voice) });
  const frames = await Promise.all([shown(one), shown(other)]).catch(async (error) => {
    const flows = JSON.stringify([await sealing(one, "flows"), await sealing(other, "flows")]);
    throw new Error(flows, { cause: error });
  });
  const [here, there] = await Promise.all([sealing(one, "flows"), sealing(other, "flows")]);
  for (const flows of [here, there]) {
    for (const name of FLOWS) {
      assert.ok(flows[name].frames > 20, `${name}: ${JSON.stringify(flows[name])}`);
      assert.equal(flows[name].error, undefined);
    }
    assert.ok(flows.place.endsWith("sealing.js"), flows.place);
  }
  for (const [from, to] of [
    [here, there],
    [there, here],
  ]) {
    for (const kind of ["video", "audio"]) {
      const sent = from[`send ${kind}`].metadata;
      const received = to[`receive ${kind}`].metadata;
      assert.equal(received.synchronizationSource, sent.synchronizationSource, kind);
      const mimeType = kind === "video" ? `video/${codec}` : `audio/${voice}`;
      assert.equal(received.mimeType.toLowerCase(), mimeType.toLowerCase());
      assert.equal(received.payloadType, sent.payloadType, kind);
    }
  }
  for (const [end, flows] of [
    [one, here],
    [other, there],
  ]) {
    // Chromium knows the size of some frames only, and only VP8 tells it in clear.
    if (end.page.kind !== "webview" || codec !== "VP8") continue;
    for (const name of ["receive video", "send video"])
      assert.ok(flows[name].metadata.width >= 160, JSON.stringify(flows[name].metadata));
  }
  // Chromium may lack this, or its promise stay open for ever.
  const webview = [one, other].find(({ page }) => page.kind === "webview");
  if (webview) {
    const { stamp, request } = await sealing(webview, "flows", "send video");
    assert.equal(typeof stamp, "number", stamp);
    assert.match(request, /InvalidStateError/);
  }
  return `${frames.join("/")} frames`;
}

/** A case in another codec. */
function inCodec(codec, story) {
  return async (one, other) => {
    const skipped = (await lacks(one, codec)) ?? (await lacks(other, codec));
    return skipped ? { skipped } : story(one, other, codec);
  };
}

/** Different keys: what arrives cannot be opened, so nothing is decoded. */
async function strangers(one, other) {
  await call(one, other, "open", "seal", { secret: (end) => `key ${end === one ? 1 : 2}` });
  for (const end of [one, other]) {
    await passed(end, ["receive video"], "failures", 5);
    await passed(end, ["receive audio"], "failures", 50);
    const [video] = await inbound(end, "video");
    const [audio] = await inbound(end, "audio");
    assert.equal(video.framesDecoded ?? 0, 0);
    assert.ok((audio.totalAudioEnergy ?? 0) < 1e-6, `energy: ${audio.totalAudioEnergy}`);
  }
}

/** A transform that writes nothing lets nothing pass; without it everything does. */
async function dropped(one, other) {
  await send(one, {}, "seal", "", "drop");
  await Promise.all([one.call("connected"), other.call("connected")]);
  await passed(one, ["send video", "send audio"], "frames", 50);
  for (const kind of ["video", "audio"]) {
    const [stats] = await inbound(other, kind);
    assert.equal(stats?.packetsReceived ?? 0, 0, kind);
  }
  await sealing(one, "unseal");
  return `${await shown(other, 30)} frames without`;
}

/** `createEncodedStreams`: the page itself turns the bits over, and back. */
async function inverted(one, other, codec = "VP8") {
  await call(one, other, "invertReceived", "invertSent", { codecs: preferred(codec, "opus") });
  return `${(await Promise.all([shown(one), shown(other)])).join("/")} frames`;
}

export const SEALING = {
  sealed: (one, other) => sealed(one, other),
  strangers,
  dropped,
  sealedVP9: inCodec("VP9", sealed),
  sealedH264: inCodec("H264", sealed),
  sealedPCMU: (one, other) => sealed(one, other, "VP8", "PCMU"),
};
export const INVERTED = {
  inverted: (one, other) => inverted(one, other),
  invertedVP9: inCodec("VP9", inverted),
};

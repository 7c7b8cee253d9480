// Calls in each codec, chosen by the page, and changed while they go on.
import assert from "node:assert/strict";

/** Sends a camera in the codecs that are named, the most wanted first; none for no preference. */
async function send(end, ...wanted) {
  await end.page.run(
    `const peer = probe.at(args[0]);
     peer.local ??= await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
     peer.pc.addTrack(peer.local.getVideoTracks()[0], peer.local);
     ${PREFER}
     prefer(peer.pc, args[1]);`,
    end.number,
    wanted,
  );
}

/** A function for pages: what a connection's videos are to be coded in. */
export const PREFER = `const prefer = (pc, wanted) => {
  const { codecs } = RTCRtpReceiver.getCapabilities("video");
  const named = (name) => codecs.filter(({ mimeType }) => mimeType === "video/" + name);
  const list = wanted.length > 0 ? [...wanted, "rtx"].flatMap(named) : [];
  for (const one of pc.getTransceivers()) if (one.receiver.track.kind === "video") one.setCodecPreferences(list);
};`;

/** Offers another codec. */
async function change(end, ...wanted) {
  await end.with(
    `${PREFER} prefer(pc, ${JSON.stringify(wanted)}); pc.dispatchEvent(new Event("negotiationneeded"));`,
  );
}

/** Waits until pictures are sent and decoded in a codec: what statistics tell of them. */
async function flows(end, codec) {
  return await end.page.run(
    `let last;
     await probe.until(async () => {
       const all = await probe.stats(args[0]);
       const seen = all.filter((one) => one.kind === "video").map((one) => {
         const codec = all.find(({ id }) => id === one.codecId);
         return { ...one, mimeType: codec?.mimeType, clockRate: codec?.clockRate };
       });
       const found = (type, member) => seen.find((one) => one.type === type && one[member] > 0);
       const decoded = found("inbound-rtp", "framesDecoded");
       const encoded = found("outbound-rtp", "framesEncoded");
       last = { decoded, encoded };
       return [decoded, encoded].every((one) => one?.mimeType === "video/" + args[1] && one.clockRate === 90000);
     }, args[1]).catch((error) => { throw new Error(error + " " + JSON.stringify(last)); });
     return { frames: last.decoded.framesDecoded, keys: last.decoded.keyFramesDecoded };`,
    end.number,
    codec,
  );
}

export async function lacks(end, codec) {
  const names = await end.page.run(
    `await ready; return RTCRtpSender.getCapabilities("video").codecs.map(({ mimeType }) => mimeType)`,
  );
  return names.includes(`video/${codec}`) ? undefined : `the ${end.page.kind} has no ${codec}`;
}

async function both(one, other, codec) {
  const sides = [one, other];
  await Promise.all(sides.map((end) => flows(end, codec)));
  await Promise.all(sides.map((end) => end.call("media", 40, { audio: false })));
  return Promise.all(sides.map((end) => flows(end, codec)));
}

/** The first end wants a codec and nothing else. */
function inCodec(codec) {
  return async (one, other) => {
    const skipped = (await lacks(one, codec)) ?? (await lacks(other, codec));
    if (skipped) return { skipped };
    await send(one, codec);
    await Promise.all([one.call("connected"), other.call("connected")]);
    await send(other);
    const seen = await both(one, other, codec);
    return JSON.stringify(seen);
  };
}

/** VP8 first, as ever; then another codec, and back, without a new connection. */
async function changed(one, other) {
  const skipped = (await lacks(one, "VP9")) ?? (await lacks(other, "VP9"));
  if (skipped) return { skipped };
  await send(one);
  await Promise.all([one.call("connected"), other.call("connected")]);
  await send(other);
  await both(one, other, "VP8");
  await change(one, "VP9", "VP8");
  await both(one, other, "VP9");
  await change(one, "VP8", "VP9");
  const seen = await both(one, other, "VP8");
  assert.ok(seen.every(({ keys }) => keys >= 2));
  return JSON.stringify(seen);
}

/** Macroblocks of a picture and of a second of H.264's level 1.3 (ITU-T H.264, table A-1). */
const LEVEL = { name: "0d", fs: 396, mbps: 11_880 };

/** The other end takes H.264 of a low level: what the first one sends is small enough, and says so. */
async function level(one, other) {
  const skipped = (await lacks(one, "H264")) ?? (await lacks(other, "H264"));
  if (skipped) return { skipped };
  if (one.page.kind !== "webview") return { skipped: "it is the sender's doing" };
  await one.with(`const set = pc.setRemoteDescription.bind(pc);
    pc.setRemoteDescription = ({ type, sdp }) =>
      set({ type, sdp: sdp.replace(/(profile-level-id=42e0)../gi, "$1${LEVEL.name}") });`);
  await send(one, "H264");
  await Promise.all([one.call("connected"), other.call("connected")]);
  await other.call("media", 40, { audio: false });
  const seen = (await other.call("stats")).find(({ type }) => type === "inbound-rtp");
  const { frameWidth, frameHeight, framesPerSecond } = seen;
  const blocks = Math.ceil(frameWidth / 16) * Math.ceil(frameHeight / 16);
  assert.ok(blocks > LEVEL.fs * 0.7 && blocks <= LEVEL.fs, `${frameWidth}x${frameHeight}`);
  assert.ok(blocks * framesPerSecond <= LEVEL.mbps * 1.1, `${framesPerSecond} a second`);
  return `${frameWidth}x${frameHeight}, ${framesPerSecond} a second`;
}

export const CODECS = { VP9: inCodec("VP9"), H264: inCodec("H264"), changed, level };

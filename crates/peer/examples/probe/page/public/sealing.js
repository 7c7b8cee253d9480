// A worker as any application would write it: seals and opens encoded frames with AES-GCM, and knows of no plugin.
// What the codec's packets are recognised by stays in clear: of VP8 10 bytes of a key frame and 3 of another, of VP9 nothing,
// of H.264 what is in front of the picture and its first bytes, of a voice 1 byte.
const IV = 12;
/** A slice's type and that of its NAL unit, and the number of its parameter set, without which Chromium takes no key frame. */
const SLICE = 3;
const flows = [];

/** What a frame is coded in. */
const codecOf = (frame) => frame.getMetadata().mimeType?.toLowerCase();

function clearBytes(frame) {
  if (frame instanceof RTCEncodedAudioFrame) return 1;
  const codec = codecOf(frame);
  if (codec === "video/vp9") return 0;
  if (codec === "video/h264") return pictureIn(new Uint8Array(frame.data));
  return frame.type === "key" ? 10 : 3;
}

/** Where the first slice of a picture begins, behind what names it. */
function pictureIn(bytes) {
  for (let at = 3; at < bytes.length; at++) {
    const starts = bytes[at - 3] === 0 && bytes[at - 2] === 0 && bytes[at - 1] === 1;
    if (starts && [1, 5].includes(bytes[at] & 0x1f)) return Math.min(at + SLICE, bytes.length);
  }
  throw new Error("no picture");
}

/** Lets nothing look like a start code (ITU-T H.264, 7.4.1). */
function escaped(bytes) {
  const out = [];
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(out);
}

function unescaped(bytes) {
  let zeros = 0;
  return bytes.filter((byte) => {
    const added = zeros >= 2 && byte === 3;
    zeros = byte === 0 ? zeros + 1 : 0;
    return !added;
  });
}

/** What is in clear and must not be changed. Receivers may write start codes and parameter sets of H.264 anew. */
function authentic(frame, clear) {
  const from = codecOf(frame) === "video/h264" ? clear - SLICE : 0;
  return new Uint8Array(frame.data, from, clear - from);
}

function joined(...parts) {
  const data = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    data.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return data;
}

async function seal(frame, key) {
  const clear = clearBytes(frame);
  const iv = crypto.getRandomValues(new Uint8Array(IV));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: authentic(frame, clear) },
    key,
    new Uint8Array(frame.data, clear),
  );
  const body = joined(sealed, iv);
  const written = codecOf(frame) === "video/h264" ? escaped(body) : body;
  frame.data = joined(frame.data.slice(0, clear), written).buffer;
}

async function open(frame, key) {
  const clear = clearBytes(frame);
  const written = new Uint8Array(frame.data, clear);
  const body = codecOf(frame) === "video/h264" ? unescaped(written) : written;
  const opened = await crypto.subtle.decrypt(
    { name: "AES-GCM", iv: body.slice(-IV), additionalData: authentic(frame, clear) },
    key,
    body.slice(0, -IV),
  );
  frame.data = joined(frame.data.slice(0, clear), opened).buffer;
}

onrtctransform = ({ transformer }) => {
  const { name, work, secret } = transformer.options;
  const flow = { name, frames: 0, failures: 0, sources: {}, keys: {}, transformer };
  flows.push(flow);
  const made = crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt", "decrypt"]);
  const transform = async (frame, controller) => {
    flow.metadata = frame.getMetadata();
    flow.frames++;
    const { synchronizationSource: source } = flow.metadata;
    flow.sources[source] = (flow.sources[source] ?? 0) + 1;
    if (frame.type === "key") flow.keys[source] = (flow.keys[source] ?? 0) + 1;
    if (work === "drop") return;
    try {
      await (work === "seal" ? seal : open)(frame, await made);
      controller.enqueue(frame);
    } catch (error) {
      flow.failure = String(error);
      flow.failures++;
    }
  };
  transformer.readable
    .pipeThrough(new TransformStream({ transform }))
    .pipeTo(transformer.writable)
    .catch((error) => {
      flow.error = String(error);
    });
};

self.onmessage = async ({ data, ports }) => {
  const [port] = ports;
  const answer = {};
  // Of two transceivers of a kind one may be idle, after both ends have offered at once.
  flows.sort((one, other) => one.frames - other.frames);
  for (const { transformer, name, ...flow } of flows) answer[name] = flow;
  if (data.key) {
    const { transformer } = flows.findLast(({ name }) => name === data.key);
    answer.stamp = await transformer.generateKeyFrame(data.rid).catch(String);
    answer.request = await transformer.sendKeyFrameRequest().catch(String);
  }
  answer.place = location.pathname;
  port.postMessage(answer);
};

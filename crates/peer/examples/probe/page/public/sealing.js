// A worker as any application would write it: seals and opens encoded frames with AES-GCM, and knows of no plugin.
// What the codec's packets are recognised by stays in clear: 10 bytes of a key frame, 3 of another, 1 of a voice.
const IV = 12;
const flows = [];

function clearBytes(frame) {
  if (frame instanceof RTCEncodedAudioFrame) return 1;
  return frame.type === "key" ? 10 : 3;
}

async function seal(frame, key) {
  const clear = clearBytes(frame);
  const iv = crypto.getRandomValues(new Uint8Array(IV));
  const additionalData = new Uint8Array(frame.data, 0, clear);
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData },
    key,
    new Uint8Array(frame.data, clear),
  );
  const data = new Uint8Array(clear + sealed.byteLength + IV);
  data.set(additionalData);
  data.set(new Uint8Array(sealed), clear);
  data.set(iv, clear + sealed.byteLength);
  frame.data = data.buffer;
}

async function open(frame, key) {
  const clear = clearBytes(frame);
  const end = frame.data.byteLength - IV;
  const additionalData = new Uint8Array(frame.data, 0, clear);
  const iv = new Uint8Array(frame.data, end);
  const opened = await crypto.subtle.decrypt(
    { name: "AES-GCM", iv, additionalData },
    key,
    new Uint8Array(frame.data, clear, end - clear),
  );
  const data = new Uint8Array(clear + opened.byteLength);
  data.set(additionalData);
  data.set(new Uint8Array(opened), clear);
  frame.data = data.buffer;
}

onrtctransform = ({ transformer }) => {
  const { name, work, secret } = transformer.options;
  const flow = { name, frames: 0, failures: 0, transformer };
  flows.push(flow);
  const made = crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt", "decrypt"]);
  const transform = async (frame, controller) => {
    flow.metadata = frame.getMetadata();
    flow.frames++;
    if (work === "drop") return;
    try {
      await (work === "seal" ? seal : open)(frame, await made);
      controller.enqueue(frame);
    } catch {
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
    answer.stamp = await transformer.generateKeyFrame().catch(String);
    answer.request = await transformer.sendKeyFrameRequest().catch(String);
  }
  answer.place = location.pathname;
  port.postMessage(answer);
};

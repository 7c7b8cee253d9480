// Encoded transforms of a peer: sealed end to end by a worker that knows nothing of the plugin (`public/sealing.js`),
// or turned over by the page itself.
import { at } from "./probe";

interface Flow {
  frames: number;
  failures: number;
  /** The last one. */
  failure?: string;
  /** Frames by their SSRC. */
  sources: Record<string, number>;
  /** And those of them that are key frames. */
  keys: Record<string, number>;
  metadata?: Record<string, unknown>;
  error?: string;
}

const workers = new Map<number, Worker>();

function transform(worker: Worker, name: string, work: string, secret: string): unknown {
  const key = new TextEncoder().encode(secret.padEnd(32).slice(0, 32));
  const Transform = (globalThis as unknown as Record<string, new (...given: unknown[]) => unknown>)
    .RTCRtpScriptTransform as new (
    ...given: unknown[]
  ) => unknown;
  return new Transform(worker, { name, work, secret: key });
}

/** The worker that works for a peer. */
function worker(number: number): Worker {
  const type = number % 2 === 0 ? "classic" : "module";
  const known = workers.get(number) ?? new Worker("./sealing.js", { type });
  workers.set(number, known);
  return known;
}

/**
 * Seals and opens what flows on a transceiver, by the worker of that number. In Chromium its halves take a transform only in
 * the turn they are made.
 */
export function treat(
  number: number,
  { sender, receiver }: RTCRtpTransceiver,
  secret: string,
  work = "seal",
  label: string = receiver.track.kind,
): void {
  const flows = { [`send ${label}`]: [sender, work], [`receive ${label}`]: [receiver, "open"] } as const;
  for (const [name, [half, what]] of Object.entries(flows)) {
    if ((half as { transform?: unknown }).transform) continue;
    Object.assign(half, { transform: transform(worker(number), name, what, secret) });
  }
}

/** Treats all transceivers that the other end makes. */
export function open(number: number, secret: string): void {
  at(number).pc.addEventListener("track", ({ transceiver }) => treat(number, transceiver, secret));
}

/** Treats all transceivers; with the work `drop` nothing is sent. */
export function seal(number: number, secret: string, work?: string): void {
  for (const transceiver of at(number).pc.getTransceivers()) treat(number, transceiver, secret, work);
}

/** Lets everything pass as it is. */
export function unseal(number: number): void {
  for (const face of [...at(number).pc.getSenders(), ...at(number).pc.getReceivers()])
    Object.assign(face, { transform: null });
}

/** What the worker has done, by the names `send video`, `receive audio`, …; `key` is one of them to ask for key frames, of layer `rid`. */
export function flows(number: number, key?: string, rid?: string): Promise<Record<string, Flow>> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
    workers.get(number)?.postMessage({ key, rid }, [port2]);
  });
}

interface Encoded {
  data: ArrayBuffer;
  type?: string;
  getMetadata(): { mimeType?: string };
}

interface Streams {
  readable: ReadableStream<Encoded>;
  writable: WritableStream<Encoded>;
}

/** Bytes of a frame that stay as they are. */
function clearBytes(frame: Encoded, kind: string): number {
  if (kind === "audio") return 1;
  if (frame.getMetadata().mimeType?.toLowerCase() === "video/vp9") return 0;
  return frame.type === "key" ? 10 : 3;
}

/** Inverts all bits of what the peer receives from now on but the codec's header, in the page. */
export function invertReceived(number: number): void {
  at(number).pc.addEventListener("track", ({ receiver, track }) => turn(receiver, track.kind));
}

/** And of what it sends now. */
export function invertSent(number: number): void {
  for (const sender of at(number).pc.getSenders()) if (sender.track) turn(sender, sender.track.kind);
}

function turn(face: RTCRtpSender | RTCRtpReceiver, kind: string): void {
  const { readable, writable } = (
    face as unknown as { createEncodedStreams(): Streams }
  ).createEncodedStreams();
  const inverting = new TransformStream<Encoded>({
    transform(frame, controller) {
      const bytes = new Uint8Array(frame.data);
      for (let index = clearBytes(frame, kind); index < bytes.length; index++)
        bytes[index] = (bytes[index] ?? 0) ^ 0xff;
      controller.enqueue(frame);
    },
  });
  readable
    .pipeThrough(inverting)
    .pipeTo(writable)
    .catch((error) => console.error("probe: streams:", error));
}

// Which frames pass a transform, and what they look like there: outgoing ones before they leave for Rust, incoming ones
// before they are decoded, and voices, which Rust encodes and decodes, on a round trip.
import type { FromWorker } from "../wire";
import { Codec, type Frame, FrameKind, HEADER_BYTES, parse } from "./frame";
import type { TransformOf, TransformStreams } from "./messages";
import type { Metadata, Side } from "./transform-messages";
import { sizeOf } from "./transform-size";
import { type Outlet, Stage } from "./transform-stage";

/** In front of a received voice: SSRC u32, sequence number u16, zero u16. */
const VOICE_HEADER = 8;
const LEVEL_MOST = 127;
/** What the codecs of the header are called in descriptions. */
const NAMES = new Map<number, string>([
  [Codec.Vp8, "video/vp8"],
  [Codec.Opus, "audio/opus"],
  [Codec.Vp9, "video/vp9"],
  [Codec.H264, "video/h264"],
  [Codec.Pcmu, "audio/pcmu"],
  [Codec.Pcma, "audio/pcma"],
]);

export interface TransformPorts {
  /** To Rust. */
  send(message: Uint8Array<ArrayBuffer>): void;
  tell(message: FromWorker): void;
  /** To the decoder. */
  decode(frame: Frame): void;
  /** From the sender's encoder. */
  keyFrame(pc: number, transceiver: number, layer?: number): void;
  trouble(message: string): void;
}

interface Place {
  pc: number;
  transceiver: number;
  side: Side;
}

interface Served extends Place {
  transform: number;
  stage: Stage;
  streams: TransformStreams;
  /** Per layer: frames so far, and the size that the last key frame told. */
  layers: Map<number, { frames: number; width?: number; height?: number }>;
}

export class Transforms {
  #ports: TransformPorts;
  #made = new Map<number, MessagePort>();
  #served = new Map<string, Served>();

  constructor(ports: TransformPorts) {
    this.#ports = ports;
  }

  /** The page made a transform, which serves nobody yet. */
  add(transform: number, port: MessagePort): void {
    this.#made.set(transform, port);
  }

  /** Gives a direction of a transceiver to a transform, or frees it. */
  set({ pc, transceiver, side, kind, transform, layers, streams }: TransformOf): void {
    const key = keyOf({ pc, transceiver, side });
    const former = this.#served.get(key);
    if (former?.transform === transform) return;
    if (former) this.#end(key, former);
    const port = transform === null ? undefined : this.#made.get(transform);
    if (kind === "audio")
      this.#ports.tell({ type: "voice-transform", pc, transceiver, side, active: port !== undefined });
    const wantKeyFrame = (layer?: number) => {
      if (side === "send") this.#ports.keyFrame(pc, transceiver, layer);
      else this.#ports.tell({ type: "key-frame-wanted", pc, transceiver });
    };
    // What was under way is lost.
    if (former && kind === "video") wantKeyFrame();
    if (transform === null || !port) return;
    const outlet: Outlet = { wantKeyFrame, trouble: this.#ports.trouble };
    this.#served.set(key, {
      pc,
      transceiver,
      side,
      transform,
      stage: new Stage(port, side, kind, layers, outlet),
      streams,
      layers: new Map(),
    });
  }

  /** What descriptions say of the streams of a direction. */
  describe(place: Place, streams: TransformStreams): void {
    const served = this.#served.get(keyOf(place));
    if (served) served.streams = streams;
  }

  /** Takes a message to Rust if a transform has to see it first. */
  outgoing(message: Uint8Array<ArrayBuffer>): boolean {
    if (this.#served.size === 0 || message[0] !== FrameKind.VideoOut) return false;
    const copy = message.slice();
    const frame = parse(copy.buffer);
    const served = frame && this.#find(frame, "send");
    if (!served) return false;
    this.#video(served, frame, message[3] ?? 0, (data) => this.#ports.send(framed(copy, data)));
    return true;
  }

  /** Takes a frame from Rust if a transform has to see it first. */
  incoming(frame: Frame): boolean {
    if (this.#served.size === 0 || frame.kind !== FrameKind.VideoIn) return false;
    const served = this.#find(frame, "receive");
    if (!served) return false;
    this.#video(served, frame, 0, (payload, gap) =>
      this.#ports.decode({ ...frame, payload, gap: frame.gap || gap }),
    );
    return true;
  }

  /** Takes a voice on its round trip. */
  voice(frame: Frame): void {
    const out = frame.kind === FrameKind.VoiceOut;
    const served = this.#find(frame, out ? "send" : "receive");
    if (!served || (!out && frame.payload.byteLength < VOICE_HEADER)) return;
    const whole = new Uint8Array(frame.payload.buffer);
    const head = new DataView(whole.buffer, HEADER_BYTES);
    const header = whole.slice(0, HEADER_BYTES);
    header[0] = out ? FrameKind.AudioOut : FrameKind.VoiceBack;
    // Ticks in a microsecond.
    const rate = frame.codec === Codec.Opus ? 0.048 : 0.008;
    const timestamp = out ? Math.floor(frame.timestamp * rate) >>> 0 : frame.duration;
    const level = whole[3] ?? 0;
    served.stage.push({
      key: true,
      layer: 0,
      data: frame.payload.slice(out ? 0 : VOICE_HEADER).buffer,
      timestamp,
      metadata: {
        ...this.#common(served, frame.codec, 0, out ? undefined : head.getUint32(0, true)),
        ...(out ? {} : { rtpTimestamp: timestamp, sequenceNumber: head.getUint16(4, true) }),
        ...(out && level !== 0 && { audioLevel: loudness(level & LEVEL_MOST) }),
      },
      pass: (data) => this.#ports.send(framed(header, data)),
    });
  }

  /** Ends what belongs to a connection. */
  forget(pc: number): void {
    for (const [key, served] of this.#served) {
      if (served.pc !== pc) continue;
      this.#end(key, served);
      this.#made.get(served.transform)?.close();
      this.#made.delete(served.transform);
    }
  }

  #find({ pc, id }: Frame, side: Side): Served | undefined {
    return this.#served.get(keyOf({ pc, transceiver: id, side }));
  }

  #video(
    served: Served,
    frame: Frame,
    layer: number,
    pass: (data: Uint8Array<ArrayBuffer>, gap: boolean) => void,
  ): void {
    const known = served.layers.get(layer) ?? { frames: 0 };
    served.layers.set(layer, known);
    // A receiver's is sealed, but for the codec's header, which has the size.
    const size = frame.key ? sizeOf(frame.codec, frame.payload) : undefined;
    if (size) Object.assign(known, size);
    const frameId = known.frames++;
    const timestamp = (served.side === "send" ? Math.floor : Math.round)(frame.timestamp * 0.09) >>> 0;
    served.stage.push({
      key: frame.key,
      layer,
      data: frame.payload.slice().buffer,
      timestamp,
      metadata: {
        ...this.#common(served, frame.codec, layer, served.side === "receive" ? frame.duration : undefined),
        frameId,
        dependencies: frame.key || frameId === 0 ? [] : [frameId - 1],
        ...(known.width !== undefined && { width: known.width, height: known.height }),
        spatialIndex: 0,
        temporalIndex: 0,
        ...(served.side === "receive" && { rtpTimestamp: timestamp }),
      },
      pass,
    });
  }

  #common({ streams }: Served, codec: number, layer: number, received?: number): Metadata {
    const name = NAMES.get(codec);
    const { payloadType, mimeType } = streams.codecs.find((one) => one.mimeType.toLowerCase() === name) ?? {};
    const ssrc = received ?? streams.ssrcs[layer];
    return {
      ...(ssrc !== undefined && { synchronizationSource: ssrc }),
      contributingSources: [],
      ...(payloadType !== undefined && { payloadType }),
      ...(mimeType !== undefined && { mimeType }),
    };
  }

  #end(key: string, { stage }: Served): void {
    stage.end();
    this.#served.delete(key);
  }
}

function keyOf({ pc, transceiver, side }: Place): string {
  return `${pc}/${transceiver}/${side}`;
}

/** A message with the header of another. */
function framed(header: Uint8Array<ArrayBuffer>, data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(HEADER_BYTES + data.byteLength);
  message.set(header.subarray(0, HEADER_BYTES));
  message.set(data, HEADER_BYTES);
  return message;
}

/** From RFC 6464's -dBov to what metadata have, 0 to 1. */
function loudness(level: number): number {
  return level === LEVEL_MOST ? 0 : 10 ** (-level / 20);
}

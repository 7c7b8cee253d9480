// RTCEncodedVideoFrame and RTCEncodedAudioFrame (webrtc-encoded-transform). They live where the transform runs: in the
// page, or in a worker of the page.
import type { EncodedFrame, Metadata } from "../worker/transform-messages";
import { type Converter, dictionary, double, instance, needs, sequence, string, unsignedLong } from "./idl";

const integer: Converter<number> = (value, what) => Math.trunc(double(value, what));
const common = {
  synchronizationSource: { type: unsignedLong },
  payloadType: { type: unsignedLong },
  contributingSources: { type: sequence(unsignedLong) },
  rtpTimestamp: { type: unsignedLong },
  receiveTime: { type: double },
  captureTime: { type: double },
  senderCaptureTimeOffset: { type: double },
  mimeType: { type: string },
};
const videoMetadata = dictionary<Metadata>({
  ...common,
  frameId: { type: integer },
  dependencies: { type: sequence(integer) },
  width: { type: unsignedLong },
  height: { type: unsignedLong },
  spatialIndex: { type: unsignedLong },
  temporalIndex: { type: unsignedLong },
  timestamp: { type: integer },
} as never);
const audioMetadata = dictionary<Metadata>({
  ...common,
  sequenceNumber: { type: unsignedLong },
  audioLevel: { type: double },
} as never);
const videoOptions = dictionary<{ metadata?: Metadata }>({ metadata: { type: videoMetadata } });
const audioOptions = dictionary<{ metadata?: Metadata }>({ metadata: { type: audioMetadata } });

/** Where a frame came from, and which of them it is. */
export interface Origin {
  owner: object;
  counter: number;
}

interface State extends Origin {
  key: boolean;
  timestamp: number;
  data: ArrayBuffer;
  metadata: Metadata;
}

let building: State | undefined;
const states = new WeakMap<object, State>();

/** A frame that belongs to `owner`. */
export function makeFrame(
  owner: object,
  { kind, counter, key, timestamp, data, metadata }: EncodedFrame,
): EncodedVideoFrame | EncodedAudioFrame {
  building = { owner, counter, key, timestamp, data, metadata };
  try {
    // What is being built comes by another way than the constructor's argument.
    return kind === "video"
      ? new EncodedVideoFrame(undefined as never)
      : new EncodedAudioFrame(undefined as never);
  } finally {
    building = undefined;
  }
}

/** Throws a TypeError if `value` is no frame. */
export function originOf(value: unknown): Origin & { data: ArrayBuffer } {
  const state = typeof value === "object" && value !== null ? states.get(value) : undefined;
  if (!state) throw new TypeError("not an encoded frame");
  return state;
}

function inside(frame: object): State {
  const state = states.get(frame);
  if (!state) throw new TypeError("Illegal invocation");
  return state;
}

function copy(original: object, metadata: Metadata | undefined): State {
  const state = inside(original);
  // Throws a DataCloneError for a buffer that has been given away.
  const { data, metadata: former } = structuredClone({ data: state.data, metadata: state.metadata });
  return { ...state, data, metadata: { ...former, ...metadata } };
}

function buffer(value: unknown): ArrayBuffer {
  const tag = Object.prototype.toString.call(value);
  if (tag !== "[object ArrayBuffer]" || (value as { resizable?: boolean }).resizable === true)
    throw new TypeError("the data is not an ArrayBuffer of fixed length");
  return value as ArrayBuffer;
}

export class EncodedVideoFrame {
  constructor(originalFrame: EncodedVideoFrame, options: { metadata?: Metadata } = {}) {
    if (building) {
      states.set(this, building);
      return;
    }
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const original = instance(() => EncodedVideoFrame)(originalFrame, "the original frame");
    states.set(this, copy(original, videoOptions(options, "options").metadata));
  }

  get type(): "key" | "delta" {
    return inside(this).key ? "key" : "delta";
  }
  /** In units of the RTP clock; a sender's before the offset that its packets get. */
  get timestamp(): number {
    return inside(this).timestamp;
  }
  get data(): ArrayBuffer {
    return inside(this).data;
  }
  set data(data: ArrayBuffer) {
    inside(this).data = buffer(data);
  }

  getMetadata(): Metadata {
    return structuredClone(inside(this).metadata);
  }
}

export class EncodedAudioFrame {
  constructor(originalFrame: EncodedAudioFrame, options: { metadata?: Metadata } = {}) {
    if (building) {
      states.set(this, building);
      return;
    }
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const original = instance(() => EncodedAudioFrame)(originalFrame, "the original frame");
    states.set(this, copy(original, audioOptions(options, "options").metadata));
  }

  get timestamp(): number {
    return inside(this).timestamp;
  }
  get data(): ArrayBuffer {
    return inside(this).data;
  }
  set data(data: ArrayBuffer) {
    inside(this).data = buffer(data);
  }

  getMetadata(): Metadata {
    return structuredClone(inside(this).metadata);
  }
}

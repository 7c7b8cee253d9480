// What the media worker and the place where encoded frames are transformed say to each other. Types and numbers only.
import type { Kind } from "../wire";

export type Side = "send" | "receive";

/** Marks the message that brings a transform to a worker of the page. */
export const MARK = "tauri-plugin-peer-connection transform";

/** The message itself: `options` as the page gave them. */
export interface TransformStart {
  mark: typeof MARK;
  port: MessagePort;
  options: unknown;
}

/** Members of RTCEncodedVideoFrameMetadata and RTCEncodedAudioFrameMetadata, as far as they are known. */
export interface Metadata {
  synchronizationSource?: number;
  payloadType?: number;
  contributingSources?: number[];
  rtpTimestamp?: number;
  receiveTime?: number;
  captureTime?: number;
  senderCaptureTimeOffset?: number;
  mimeType?: string;
  frameId?: number;
  dependencies?: number[];
  width?: number;
  height?: number;
  spatialIndex?: number;
  temporalIndex?: number;
  timestamp?: number;
  sequenceNumber?: number;
  audioLevel?: number;
}

/** One encoded frame on its way to the transform. */
export interface EncodedFrame {
  /** Rises by one with each frame of a transform. */
  counter: number;
  kind: Kind;
  key: boolean;
  layer: number;
  data: ArrayBuffer;
  /** In units of the RTP clock. */
  timestamp: number;
  metadata: Metadata;
}

export type ToTransformer =
  /** Frames of this direction come from now on; `layers` are a sender's, by their names. */
  | { type: "attached"; side: Side; kind: Kind; layers: Record<string, number> }
  | { type: "detached" }
  | { type: "frame"; frame: EncodedFrame };

export type FromTransformer =
  /** Somebody listens at all. */
  | { type: "ready" }
  /** A frame has left the readable stream: there is room for another. */
  | { type: "taken" }
  | { type: "written"; counter: number; data: ArrayBuffer }
  /** Of a layer, or of all. */
  | { type: "key-frame"; layer: number | undefined }
  | { type: "key-frame-request" };

/** Frames that may wait for a transform: a second of pictures, half a second of voice. */
export const WINDOW = { video: 30, audio: 25 } as const;

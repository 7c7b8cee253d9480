// What the page and its media worker say to each other. Types only.
import type { AudioCodecName, H264Level, Kind, Processing, VideoCodecName } from "../wire";
import type { Side } from "./transform-messages";

/** Limits of one sender (RTCRtpEncodingParameters); absent means none. */
export interface Limits {
  active: boolean;
  /** Bits per second. */
  maxBitrate?: number;
  maxFramerate?: number;
  scaleResolutionDownBy?: number;
  /** What is sent; VP8 or Opus if absent. */
  codec?: VideoCodecName | AudioCodecName;
  /** Fewer pictures rather than smaller ones, or the other way round; absent: as the source's are. */
  detailed?: boolean;
  /** What the receiver takes of it. */
  h264?: H264Level;
}

/** What descriptions say of the streams of a transceiver's direction. */
export interface TransformStreams {
  /** A sender's SSRCs by layer; what is received tells its own. */
  ssrcs: Record<number, number>;
  codecs: { payloadType: number; mimeType: string }[];
}

/** Who transforms the frames of a transceiver's direction; null: nobody. */
export interface TransformOf {
  pc: number;
  transceiver: number;
  side: Side;
  kind: Kind;
  transform: number | null;
  /** A sender's layers, by their names. */
  layers: Record<string, number>;
  streams: TransformStreams;
}

/** Those of one encoding. */
export interface LayerLimits extends Limits {
  /** Its layer's place in the simulcast as it was first proposed, or 0. */
  layer: number;
}

export type ToMedia =
  | { type: "start"; socketUrl: string; spares: number }
  /** `drawn`: a canvas draws it. */
  | { type: "video-source"; source: number; track: MediaStreamTrack; enabled: boolean; drawn: boolean }
  /** The page answers at `port` with the pictures of a screen. */
  | { type: "display-source"; source: number; port: MessagePort; enabled: boolean }
  /** The audio thread's end, once. */
  | { type: "audio-exchange"; port: MessagePort }
  | { type: "audio-source"; source: number; processing: Processing }
  | { type: "source-enabled"; source: number; enabled: boolean }
  /** Whether the pictures of a video are to be read (mst-content-hint: "detail", "text") rather than followed. */
  | { type: "source-detailed"; source: number; detailed: boolean }
  | { type: "source-gone"; source: number }
  | { type: "send"; source: number; pc: number; transceiver: number; limits: LayerLimits[] }
  | { type: "limits"; pc: number; transceiver: number; limits: LayerLimits[] }
  | { type: "stop-sending"; pc: number; transceiver: number }
  | { type: "make-key-frame"; pc: number; transceiver: number; layer: number }
  | { type: "receive-video"; pc: number; transceiver: number; spare: number }
  | { type: "receive-audio"; pc: number; transceiver: number }
  | { type: "expect"; pc: number; transceiver: number }
  | { type: "stop-receiving"; pc: number; transceiver: number }
  | { type: "make-spare" }
  | { type: "discard-spare"; spare: number }
  /** Statistics are wanted, all there are now. */
  | { type: "report"; report: number }
  | { type: "forget"; pc: number }
  /** An encoded transform, which serves nobody yet. */
  | { type: "transform-made"; transform: number; port: MessagePort }
  | ({ type: "transform" } & TransformOf)
  | { type: "transform-streams"; pc: number; transceiver: number; side: Side; streams: TransformStreams }
  /** How overloaded the page's thread is (`Pressure`). */
  | { type: "pressure"; level: number };

/** A remote voice or video, as it is played now. */
export interface Heard {
  /** Its SSRC. */
  source: number;
  rtpTimestamp: number;
  /** Of a voice, 0 to 1. */
  audioLevel?: number;
}

export type FromMedia =
  /** With the video that this webview can encode and decode. */
  | { type: "started"; codecs: VideoCodecName[] }
  | { type: "failed"; message: string }
  | { type: "spare"; spare: number; track: MediaStreamTrack }
  /** The first frame since `receive-…` or `expect`. */
  | { type: "receiving"; pc: number; transceiver: number }
  | { type: "heard"; pc: number; transceiver: number; heard: Heard }
  | { type: "trouble"; message: string };

/** What a capture worklet must know when it begins. */
export interface CaptureOptions {
  source: number;
}

/** To a play-out worklet: whose voice it plays, or that it ends. */
export type ToPlayout = { pc: number; transceiver: number } | "stop";

/** Samples per second of everything audio. */
export const SAMPLE_RATE = 48_000;

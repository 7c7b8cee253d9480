// What the page and its media worker say to each other. Types only.
import type { ChannelEvent } from "../wire";

/** Limits of one sender (RTCRtpEncodingParameters); absent means none. */
export interface Limits {
  active: boolean;
  /** Bits per second. */
  maxBitrate?: number;
  maxFramerate?: number;
  scaleResolutionDownBy?: number;
}

export type ToMedia =
  | { type: "start"; socketUrl: string; spares: number }
  | { type: "video-source"; source: number; track: MediaStreamTrack; enabled: boolean }
  | { type: "audio-source"; source: number; port: MessagePort }
  | { type: "source-enabled"; source: number; enabled: boolean }
  | { type: "source-gone"; source: number }
  | { type: "send"; source: number; pc: number; transceiver: number; limits: Limits }
  | { type: "limits"; pc: number; transceiver: number; limits: Limits }
  | { type: "stop-sending"; pc: number; transceiver: number }
  | { type: "receive-video"; pc: number; transceiver: number; spare: number }
  | { type: "receive-audio"; pc: number; transceiver: number; port: MessagePort }
  | { type: "expect"; pc: number; transceiver: number }
  | { type: "stop-receiving"; pc: number; transceiver: number }
  | { type: "make-spare" }
  | { type: "discard-spare"; spare: number }
  | { type: "channel-send"; pc: number; channel: number; data: string | ArrayBuffer }
  | { type: "channel-close"; pc: number; channel: number }
  | { type: "forget"; pc: number };

export type FromMedia =
  | { type: "started" }
  | { type: "failed"; message: string }
  | { type: "spare"; spare: number; track: MediaStreamTrack }
  /** The first frame since `receive-…` or `expect`. */
  | { type: "receiving"; pc: number; transceiver: number }
  | { type: "channel-message"; pc: number; channel: number; data: string | ArrayBuffer }
  | { type: "channel-event"; event: ChannelEvent }
  | { type: "trouble"; message: string };

/** From the worker to a play-out worklet. */
export interface PlayoutFrame {
  /** Mono, 48 kHz. */
  samples: Float32Array<ArrayBuffer>;
  /** Position of the first sample in the remote's media time, in samples. */
  position: number;
}

/** From a play-out worklet to the worker, once a second. */
export interface PlayoutReport {
  /** Samples made up where the network brought none. */
  concealed: number;
  concealments: number;
  /** Samples dropped to catch up. */
  skipped: number;
  /** Samples waiting. */
  level: number;
  target: number;
  played: number;
}

/** Samples per second of everything audio. */
export const SAMPLE_RATE = 48_000;
/** Samples in 20 ms. */
export const FRAME_SAMPLES = 960;

// What the four pipelines share.
import type { PipelineStats } from "../wire";
import type { Frame } from "./frame";
import type { Limits } from "./messages";

/** A pipeline's way to the world. */
export interface Port {
  send(message: Uint8Array<ArrayBuffer>): void;
  /** Bytes waiting on the socket. */
  backlog(): number;
  trouble(message: string): void;
}

/** One track's encoder and those who receive what it makes. */
export interface SendPipeline {
  attach(pc: number, transceiver: number, limits: Limits): void;
  detach(pc: number, transceiver: number): void;
  limit(pc: number, transceiver: number, limits: Limits): void;
  /** Bits per second for one receiver. */
  target(pc: number, transceiver: number, bitrate: number): void;
  keyFrame(): void;
  enable(enabled: boolean): void;
  sinks(): Iterable<{ pc: number; transceiver: number }>;
  stats(): PipelineStats;
  close(): void;
}

/** One receiver's decoder. */
export interface ReceivePipeline {
  push(frame: Frame): void;
  stats(): PipelineStats;
  close(): void;
}

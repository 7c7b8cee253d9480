// What the four pipelines share.
import type { FromWorker, PipelineStats } from "../wire";
import type { Frame } from "./frame";
import type { Limits } from "./messages";

/** A pipeline's way to the world. */
export interface Port {
  send(message: Uint8Array<ArrayBuffer>): void;
  tell(message: FromWorker): void;
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
  /** The machine is overloaded (`Pressure`): 0 not at all, to 3. */
  spare(level: number): void;
  /** `wanted`: bits per second beyond which more would be of no use. */
  sinks(): Iterable<{ pc: number; transceiver: number; wanted?: number }>;
  /** Undefined where Rust counts by itself. */
  stats(): PipelineStats | undefined;
  close(): void;
}

/** One receiver's decoder. */
export interface ReceivePipeline {
  push(frame: Frame): void;
  /** As for senders. */
  spare(level: number): void;
  stats(): PipelineStats | undefined;
  close(): void;
}

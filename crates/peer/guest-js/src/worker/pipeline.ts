// What the four pipelines share.
import type { FromWorker, PipelineStats } from "../wire";
import type { Frame } from "./frame";
import type { LayerLimits } from "./messages";

/** A pipeline's way to the world. */
export interface Port {
  send(message: Uint8Array<ArrayBuffer>): void;
  tell(message: FromWorker): void;
  /** Bytes waiting on the socket. */
  backlog(): number;
  trouble(message: string): void;
}

/** One track's encoders and those who receive what they make. */
export interface SendPipeline {
  /** One of `limits` for each encoding. */
  attach(pc: number, transceiver: number, limits: LayerLimits[]): void;
  detach(pc: number, transceiver: number): void;
  limit(pc: number, transceiver: number, limits: LayerLimits[]): void;
  /** Bits per second for an encoding of one receiver; 0: it has to pause. */
  target(pc: number, transceiver: number, layer: number, bitrate: number): void;
  /** Without `layer`: for all of them. */
  keyFrame(pc: number, transceiver: number, layer?: number): void;
  enable(enabled: boolean): void;
  /** Its pictures are to be read: what has to be given up is their number, not their size. */
  detail(detailed: boolean): void;
  /** The machine is overloaded (`Pressure`): 0 not at all, to 3. */
  spare(level: number): void;
  /** What there is to tell of each encoding; nothing where Rust counts by itself. */
  reports(): Iterable<{ pc: number; transceiver: number; stats: PipelineStats }>;
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

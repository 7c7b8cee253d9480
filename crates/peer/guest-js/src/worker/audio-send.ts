// A microphone: the capture worklet brings its samples and Rust encodes them. Here is only said who gets them.
import type { PipelineStats, Processing } from "../wire";
import type { Limits } from "./messages";
import type { Port, SendPipeline } from "./pipeline";

export class AudioSend implements SendPipeline {
  #port: Port;
  #source: number;
  #sinks = new Map<string, { pc: number; transceiver: number }>();

  constructor(source: number, processing: Processing, port: Port) {
    this.#port = port;
    this.#source = source;
    this.process(processing);
  }

  process(processing: Processing): void {
    this.#port.tell({ type: "audio-source", source: this.#source, ...processing });
  }

  attach(pc: number, transceiver: number, limits: Limits): void {
    this.#sinks.set(`${pc}/${transceiver}`, { pc, transceiver });
    this.limit(pc, transceiver, limits);
  }

  detach(pc: number, transceiver: number): void {
    this.#sinks.delete(`${pc}/${transceiver}`);
    this.#port.tell({ type: "audio-stop", pc, transceiver });
  }

  limit(pc: number, transceiver: number, limits: Limits): void {
    this.#port.tell({
      type: "audio-send",
      source: this.#source,
      pc,
      transceiver,
      active: limits.active,
      maxBitrate: limits.maxBitrate ?? null,
    });
  }

  target(): void {
    // One voice is cheap: congestion control leaves it alone.
  }

  keyFrame(): void {
    // Every Opus packet is one.
  }

  enable(enabled: boolean): void {
    this.#port.tell({ type: "audio-enabled", source: this.#source, enabled });
  }

  spare(): void {
    // Sound comes first.
  }

  *sinks(): Iterable<{ pc: number; transceiver: number }> {
    yield* this.#sinks.values();
  }

  /** Rust counts what it encodes. */
  stats(): PipelineStats | undefined {
    return undefined;
  }

  close(): void {
    this.#port.tell({ type: "audio-gone", source: this.#source });
  }
}

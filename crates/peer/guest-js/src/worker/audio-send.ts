// A microphone: the capture worklet brings its samples and Rust encodes them. Here is only said who gets them.
import type { AudioCodecName, PipelineStats, Processing } from "../wire";
import type { LayerLimits } from "./messages";
import type { Port, SendPipeline } from "./pipeline";

const CODECS: readonly AudioCodecName[] = ["opus", "PCMU", "PCMA"];

export class AudioSend implements SendPipeline {
  #port: Port;
  #source: number;

  constructor(source: number, processing: Processing, port: Port) {
    this.#port = port;
    this.#source = source;
    this.process(processing);
  }

  process(processing: Processing): void {
    this.#port.tell({ type: "audio-source", source: this.#source, ...processing });
  }

  attach(pc: number, transceiver: number, limits: LayerLimits[]): void {
    this.limit(pc, transceiver, limits);
  }

  detach(pc: number, transceiver: number): void {
    this.#port.tell({ type: "audio-stop", pc, transceiver });
  }

  limit(pc: number, transceiver: number, [limits]: LayerLimits[]): void {
    this.#port.tell({
      type: "audio-send",
      source: this.#source,
      pc,
      transceiver,
      active: limits?.active ?? true,
      maxBitrate: limits?.maxBitrate ?? null,
      codec: CODECS.find((one) => one === limits?.codec) ?? null,
    });
  }

  target(): void {
    // One voice is cheap: congestion control leaves it alone.
  }

  keyFrame(): void {
    // Every packet of a voice is one.
  }

  enable(enabled: boolean): void {
    this.#port.tell({ type: "audio-enabled", source: this.#source, enabled });
  }

  detail(): void {
    // Of pictures only.
  }

  spare(): void {
    // Sound comes first.
  }

  /** Rust counts what it encodes. */
  reports(): Iterable<{ pc: number; transceiver: number; stats: PipelineStats }> {
    return [];
  }

  close(): void {
    this.#port.tell({ type: "audio-gone", source: this.#source });
  }
}

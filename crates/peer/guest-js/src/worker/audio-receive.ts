// A remote voice: Rust decodes it and the play-out worklet plays it. What comes here, ten times a second, is only the news
// that it flows and how loud it is; the samples take the way of `audio-exchange.ts`.
import type { PipelineStats } from "../wire";
import type { Frame } from "./frame";
import type { Heard } from "./messages";
import type { ReceivePipeline } from "./pipeline";

/** SSRC u32, RTP time u32, level f32. */
const NOTICE_BYTES = 12;

export class AudioReceive implements ReceivePipeline {
  #tell: (heard: Heard) => void;

  constructor(tell: (heard: Heard) => void) {
    this.#tell = tell;
  }

  push({ payload }: Frame): void {
    if (payload.byteLength < NOTICE_BYTES) return;
    const view = new DataView(payload.buffer, payload.byteOffset);
    this.#tell({
      source: view.getUint32(0, true),
      rtpTimestamp: view.getUint32(4, true),
      audioLevel: view.getFloat32(8, true),
    });
  }

  spare(): void {
    // Sound comes first.
  }

  /** Rust counts what it decodes. */
  stats(): PipelineStats | undefined {
    return undefined;
  }

  close(): void {
    // Nothing is held.
  }
}

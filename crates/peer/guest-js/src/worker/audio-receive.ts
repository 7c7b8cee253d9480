// A remote voice: Rust decodes it and the play-out worklet plays it. What comes here is only the news that it flows.
import type { PipelineStats } from "../wire";
import type { ReceivePipeline } from "./pipeline";

export class AudioReceive implements ReceivePipeline {
  push(): void {
    // The samples take the way of `audio-exchange.ts`.
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

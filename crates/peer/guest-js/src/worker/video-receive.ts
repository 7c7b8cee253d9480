/// <reference path="../ambient.d.ts" />
// From one remote's VP8 frames to a track in the page.
import type { PipelineStats } from "../wire";
import type { Frame } from "./frame";
import type { ReceivePipeline } from "./pipeline";
import { framesUnder } from "./plan";

/** Milliseconds between two requests for a key frame. */
const ASK_INTERVAL = 500;
/** Frames waiting for the decoder, or for the screen, beyond which this end is too slow. */
const DECODER_FULL = 30;
const WRITER_FULL = 4;

export interface VideoReceiveHandlers {
  keyFrameWanted(): void;
  trouble(message: string): void;
}

export class VideoReceive implements ReceivePipeline {
  #handlers: VideoReceiveHandlers;
  #writer: WritableStreamDefaultWriter<VideoFrame>;
  #decoder: VideoDecoder | undefined;
  #needsKey = true;
  #askedAt = Number.NEGATIVE_INFINITY;
  #writing = 0;
  #closed = false;
  #started = new Map<number, number>();
  #rate = { since: 0, frames: 0 };
  /** Microseconds between two pictures that are shown, and of the last one; 0 shows all. */
  #pause = 0;
  #shownAt = Number.NEGATIVE_INFINITY;
  #counts = {
    framesReceived: 0,
    framesDecoded: 0,
    keyFramesDecoded: 0,
    framesDropped: 0,
    totalDecodeTime: 0,
    framesPerSecond: 0,
    frameWidth: 0,
    frameHeight: 0,
  };

  constructor(generator: VideoTrackGenerator, handlers: VideoReceiveHandlers) {
    this.#writer = generator.writable.getWriter();
    this.#handlers = handlers;
  }

  push(frame: Frame): void {
    if (this.#closed) return;
    this.#counts.framesReceived++;
    const decoder = this.#decoder?.state === "configured" ? this.#decoder : this.#configure();
    if (frame.gap && !frame.key) this.#needsKey = true;
    if (decoder.decodeQueueSize > DECODER_FULL) this.#needsKey = true;
    if (this.#needsKey && !frame.key) {
      this.#counts.framesDropped++;
      this.#askForKey();
      return;
    }
    this.#needsKey = false;
    if (frame.key) this.#counts.keyFramesDecoded++;
    this.#started.set(frame.timestamp, performance.now());
    decoder.decode(
      new EncodedVideoChunk({
        type: frame.key ? "key" : "delta",
        timestamp: frame.timestamp,
        data: frame.payload,
      }),
    );
  }

  spare(level: number): void {
    this.#pause = 1e6 / framesUnder(level);
  }

  stats(): PipelineStats {
    const now = performance.now();
    const elapsed = (now - this.#rate.since) / 1000;
    if (elapsed >= 0.9) {
      this.#counts.framesPerSecond = Math.round(this.#rate.frames / elapsed);
      this.#rate = { since: now, frames: 0 };
    }
    return { rtp: { ...this.#counts } };
  }

  close(): void {
    this.#closed = true;
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#writer.close().catch(() => {
      // The page may have stopped the track, which closes the stream by itself.
    });
  }

  #configure(): VideoDecoder {
    this.#needsKey = true;
    const decoder = new VideoDecoder({
      output: (frame) => this.#show(frame),
      error: (error) => {
        this.#handlers.trouble(`video decoder: ${error}`);
        this.#askForKey();
      },
    });
    decoder.configure({ codec: "vp8", optimizeForLatency: true });
    this.#decoder = decoder;
    return decoder;
  }

  #show(frame: VideoFrame): void {
    const now = performance.now();
    for (const [stamp, started] of this.#started) {
      if (stamp > frame.timestamp) break;
      if (stamp === frame.timestamp) this.#counts.totalDecodeTime += (now - started) / 1000;
      this.#started.delete(stamp);
    }
    if (this.#closed) {
      frame.close();
      return;
    }
    this.#counts.framesDecoded++;
    this.#rate.frames++;
    this.#counts.frameWidth = frame.displayWidth;
    this.#counts.frameHeight = frame.displayHeight;
    // A fifth of tolerance, or jitter would halve the rate.
    const hurried = Math.abs(frame.timestamp - this.#shownAt) < this.#pause * 0.8;
    if (hurried || this.#writing >= WRITER_FULL) {
      this.#counts.framesDropped++;
      frame.close();
      return;
    }
    this.#shownAt = frame.timestamp;
    this.#writing++;
    this.#writer.write(frame).then(
      () => {
        this.#writing--;
      },
      () => {
        // The page stopped the track: decoding on would be for nobody.
        frame.close();
        this.#closed = true;
      },
    );
  }

  #askForKey(): void {
    const now = performance.now();
    if (now - this.#askedAt < ASK_INTERVAL) return;
    this.#askedAt = now;
    this.#handlers.keyFrameWanted();
  }
}

/// <reference path="../ambient.d.ts" />
// From one remote's frames to a track in the page.
import type { PipelineStats, VideoCodecName } from "../wire";
import { avc } from "./annexb";
import { codecOf, decoderConfig } from "./codecs";
import type { Frame } from "./frame";
import type { Heard } from "./messages";
import type { ReceivePipeline } from "./pipeline";
import { framesUnder } from "./plan";
import { Rhythm } from "./rhythm";

/** Milliseconds between two requests for a key frame. */
const ASK_INTERVAL = 500;
/** Frames waiting for the decoder, or for the screen, beyond which this end is too slow. */
const DECODER_FULL = 30;
const WRITER_FULL = 4;
/** Milliseconds between two words of what is shown. */
const TELL_INTERVAL = 100;
/** RTP ticks in a microsecond. */
const RTP_RATE = 0.09;

export interface VideoReceiveHandlers {
  keyFrameWanted(): void;
  /** Ten times a second at most: whose picture has just been shown. */
  shown(shown: Heard): void;
  trouble(message: string): void;
}

export class VideoReceive implements ReceivePipeline {
  #handlers: VideoReceiveHandlers;
  #writer: WritableStreamDefaultWriter<VideoFrame>;
  #decoder: VideoDecoder | undefined;
  #codec: VideoCodecName | undefined;
  /** The parameter sets that the decoder was told, where the codec has some. */
  #parameters: Uint8Array<ArrayBuffer> | undefined;
  #needsKey = true;
  #askedAt = Number.NEGATIVE_INFINITY;
  #writing = 0;
  #closed = false;
  /** What is being decoded, by its time: since when, and whose it is. */
  #started = new Map<number, { at: number; source: number }>();
  #toldAt = Number.NEGATIVE_INFINITY;
  #rate = { since: 0, frames: 0 };
  #rhythm = new Rhythm();
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
    const codec = codecOf(frame.codec);
    const ready = this.#decoder?.state === "configured" && codec === this.#codec;
    const behind = (this.#decoder?.decodeQueueSize ?? 0) > DECODER_FULL;
    if (!ready || behind || (frame.gap && !frame.key)) this.#needsKey = true;
    if (!codec || (this.#needsKey && !frame.key)) {
      this.#counts.framesDropped++;
      this.#askForKey();
      return;
    }
    const { data, parameters } =
      codec === "H264" ? avc(frame.payload) : { data: frame.payload, parameters: undefined };
    const decoder = ready ? this.#decoder : this.#make(codec);
    if (!decoder) return;
    if (!ready || (parameters && !same(parameters, this.#parameters))) {
      this.#parameters = parameters;
      decoder.configure(decoderConfig(codec, parameters));
    }
    this.#needsKey = false;
    if (frame.key) this.#counts.keyFramesDecoded++;
    // Where other frames have their duration, these have their SSRC.
    this.#started.set(frame.timestamp, { at: performance.now(), source: frame.duration });
    decoder.decode(
      new EncodedVideoChunk({
        type: frame.key ? "key" : "delta",
        timestamp: frame.timestamp,
        data,
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
    return { rtp: { ...this.#counts, ...this.#rhythm.stats() } };
  }

  close(): void {
    this.#closed = true;
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#writer.close().catch(() => {
      // The page may have stopped the track, which closes the stream by itself.
    });
  }

  /** A decoder, yet to be configured. */
  #make(codec: VideoCodecName): VideoDecoder {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    const decoder = new VideoDecoder({
      output: (frame) => this.#show(frame),
      error: (error) => {
        this.#handlers.trouble(`${codec} decoder: ${error}`);
        this.#askForKey();
      },
    });
    this.#decoder = decoder;
    this.#codec = codec;
    return decoder;
  }

  #show(frame: VideoFrame): void {
    const now = performance.now();
    const started = this.#started.get(frame.timestamp);
    if (started) this.#counts.totalDecodeTime += (now - started.at) / 1000;
    for (const stamp of this.#started.keys()) {
      if (stamp > frame.timestamp) break;
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
    this.#rhythm.shown(now);
    if (started && now - this.#toldAt >= TELL_INTERVAL) {
      this.#toldAt = now;
      const rtpTimestamp = Math.round(frame.timestamp * RTP_RATE) >>> 0;
      this.#handlers.shown({ source: started.source, rtpTimestamp });
    }
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

function same(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return one.byteLength === other?.byteLength && one.every((byte, index) => byte === other[index]);
}

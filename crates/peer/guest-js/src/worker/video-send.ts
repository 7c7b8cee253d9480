/// <reference path="../ambient.d.ts" />
// From one video track to any number of receivers, encoded once.
import type { PipelineStats } from "../wire";
import { SourceClock } from "./clock";
import { RateControl } from "./control";
import { allocate, Codec, FrameKind, HEADER_BYTES, readdress } from "./frame";
import type { Limits } from "./messages";
import type { Port, SendPipeline } from "./pipeline";
import { type Demand, type Plan, plan, useful, worthwhile } from "./plan";

/** Bytes waiting on the socket beyond which no frame is encoded. */
const SOCKET_FULL = 2_000_000;
/** Frames inside the encoder beyond which the next one is dropped. */
const ENCODER_FULL = 3;
/** Milliseconds between key frames made on request. */
const KEY_INTERVAL = 300;
/** Milliseconds between reconfigurations for more, for less, and between black frames of a disabled track. */
const PLAN_MORE = 500;
const PLAN_LESS = 150;
const SECOND = 1000;
/** Seconds of its bitrate by which the encoder may be ahead before a frame is left out. */
const AHEAD = 0.4;

interface Sink extends Demand {
  pc: number;
  transceiver: number;
  /** Has had its key frame. */
  begun: boolean;
}

export class VideoSend implements SendPipeline {
  #port: Port;
  #track: MediaStreamTrack;
  #enabled: boolean;
  #reader: ReadableStreamDefaultReader<VideoFrame>;
  #encoder: VideoEncoder | undefined;
  #plan: Plan | undefined;
  #plannedAt = 0;
  #sourceSize = "";
  #sinks = new Map<string, Sink>();
  #keyWanted = true;
  #keyAt = Number.NEGATIVE_INFINITY;
  #keyTimer: ReturnType<typeof setTimeout> | undefined;
  #last: VideoFrame | undefined;
  #lastBlackAt = Number.NEGATIVE_INFINITY;
  #nextFrameAt = 0;
  #clock = new SourceClock();
  /** Steps of relief that this encoder needs, and that the whole machine needs. */
  #relief = 0;
  #pressure = 0;
  #control = new RateControl();
  /** Bits that the encoder has made beyond its bitrate, and when that was counted. */
  #ahead = { bits: 0, at: 0 };
  #window = { since: 0, frames: 0, dropped: 0, rate: 30, calm: 0 };
  #started = new Map<number, number>();
  #windowEncoded = 0;
  #ended = false;
  #counts = {
    framesEncoded: 0,
    keyFramesEncoded: 0,
    totalEncodeTime: 0,
    frames: 0,
    framesPerSecond: 0,
    encodedPerSecond: 0,
    droppedAtSource: 0,
  };

  constructor(track: MediaStreamTrack, enabled: boolean, port: Port) {
    this.#port = port;
    this.#track = track;
    this.#enabled = enabled;
    this.#reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 2 }).readable.getReader();
    this.#read().catch((error) => port.trouble(`reading a video track: ${error}`));
  }

  attach(pc: number, transceiver: number, limits: Limits): void {
    this.#sinks.set(`${pc}/${transceiver}`, { pc, transceiver, begun: false, ...limits });
    this.#wantKey();
  }

  detach(pc: number, transceiver: number): void {
    this.#sinks.delete(`${pc}/${transceiver}`);
  }

  limit(pc: number, transceiver: number, limits: Limits): void {
    const sink = this.#sinks.get(`${pc}/${transceiver}`);
    if (!sink) return;
    const { target, begun } = sink;
    this.#sinks.set(`${pc}/${transceiver}`, {
      pc,
      transceiver,
      begun: begun && sink.active,
      ...limits,
      ...(target !== undefined && { target }),
    });
    if (limits.active && !sink.active) this.#wantKey();
    this.#plannedAt = 0;
  }

  target(pc: number, transceiver: number, bitrate: number): void {
    const sink = this.#sinks.get(`${pc}/${transceiver}`);
    if (sink) sink.target = bitrate;
  }

  keyFrame(): void {
    this.#wantKey();
  }

  spare(level: number): void {
    this.#pressure = level;
  }

  enable(enabled: boolean): void {
    this.#enabled = enabled;
    this.#lastBlackAt = Number.NEGATIVE_INFINITY;
    if (!enabled) this.#encodeLast();
  }

  close(): void {
    this.#ended = true;
    clearTimeout(this.#keyTimer);
    this.#reader.cancel().catch(() => {
      // The stream may have ended before: nothing is left to cancel.
    });
    this.#track.stop();
    this.#last?.close();
    this.#last = undefined;
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
  }

  stats(): PipelineStats {
    const { framesEncoded, keyFramesEncoded, totalEncodeTime, frames, framesPerSecond } = this.#counts;
    const size = this.#plan;
    const last = this.#last;
    return {
      rtp: {
        framesEncoded,
        keyFramesEncoded,
        totalEncodeTime,
        framesPerSecond: this.#counts.encodedPerSecond,
        ...(size && { frameWidth: size.width, frameHeight: size.height, targetBitrate: size.bitrate }),
      },
      source: {
        frames,
        framesPerSecond,
        ...(last && { width: last.displayWidth, height: last.displayHeight }),
      },
    };
  }

  *sinks(): Iterable<{ pc: number; transceiver: number; wanted?: number }> {
    const last = this.#last;
    for (const sink of this.#sinks.values()) {
      const { pc, transceiver } = sink;
      if (!last) yield { pc, transceiver };
      else {
        const wanted = this.#enabled
          ? useful(sink, last.displayWidth, last.displayHeight, this.#window.rate)
          : 0;
        yield { pc, transceiver, wanted };
      }
    }
  }

  async #read(): Promise<void> {
    while (!this.#ended) {
      const { value: frame, done } = await this.#reader.read();
      if (done) return;
      this.#take(frame);
    }
  }

  #take(frame: VideoFrame): void {
    this.#counts.frames++;
    this.#window.frames++;
    this.#last?.close();
    this.#last = frame;
    this.#measure();
    if (this.#sinks.size === 0) return;
    if (!this.#enabled) {
      const now = performance.now();
      if (now - this.#lastBlackAt < SECOND && !this.#keyDue()) return;
      this.#lastBlackAt = now;
    }
    const stamp = this.#clock.time(frame.timestamp, performance.now() * 1000);
    const framerate = this.#plan?.framerate;
    // Half a millisecond of tolerance, or jitter would halve the rate.
    if (framerate && stamp < this.#nextFrameAt - 500 && !this.#keyDue()) return;
    if (framerate) this.#nextFrameAt = Math.max(this.#nextFrameAt, stamp - 1e6 / framerate) + 1e6 / framerate;
    this.#encode(frame, stamp);
  }

  /** A still source (a shared screen) sends no frame when one is wanted: use the last one again. */
  #encodeLast(): void {
    if (!this.#last || this.#ended || this.#sinks.size === 0) return;
    const now = performance.now() * 1000;
    this.#encode(this.#last, this.#clock.time(Number.NaN, now));
  }

  #encode(source: VideoFrame, timestamp: number): void {
    if (this.#isAhead() && !this.#keyDue()) {
      this.#counts.droppedAtSource++;
      return;
    }
    const congested = this.#port.backlog() > SOCKET_FULL;
    if (congested || (this.#encoder?.encodeQueueSize ?? 0) > ENCODER_FULL) {
      this.#counts.droppedAtSource++;
      this.#window.dropped++;
      return;
    }
    const encoder = this.#prepare(source.displayWidth, source.displayHeight);
    if (!encoder) return;
    const keyFrame = this.#keyDue();
    if (keyFrame) {
      this.#keyWanted = false;
      this.#keyAt = performance.now();
    }
    const frame = this.#enabled
      ? new VideoFrame(source, { timestamp })
      : black(source.displayWidth, source.displayHeight, timestamp);
    this.#started.set(timestamp, performance.now());
    try {
      encoder.encode(frame, { keyFrame });
    } finally {
      frame.close();
    }
  }

  /** Whether the path needs time for what has been made: a large key frame, or a picture that the encoder misjudged. */
  #isAhead(): boolean {
    const bitrate = this.#plan?.bitrate;
    if (!bitrate) return false;
    const now = performance.now();
    const ahead = this.#ahead;
    ahead.bits = Math.max(0, ahead.bits - (bitrate * (now - ahead.at)) / SECOND);
    ahead.at = now;
    return ahead.bits > bitrate * AHEAD;
  }

  #keyDue(): boolean {
    return this.#keyWanted && performance.now() - this.#keyAt >= KEY_INTERVAL;
  }

  #wantKey(): void {
    this.#keyWanted = true;
    clearTimeout(this.#keyTimer);
    this.#keyTimer = setTimeout(() => {
      if (this.#keyWanted) this.#encodeLast();
    }, KEY_INTERVAL + 50);
  }

  /** The encoder, configured for what its receivers may have now. */
  #prepare(width: number, height: number): VideoEncoder | undefined {
    const now = performance.now();
    const former = this.#plan;
    if (
      former &&
      this.#encoder?.state === "configured" &&
      this.#control.judge(former.bitrate, this.#rate(former), now)
    ) {
      this.#configure(this.#encoder, former);
    }
    const resized = this.#sourceSize !== `${width}x${height}`;
    const pause = former && this.#allowed() < former.bitrate * 0.9 ? PLAN_LESS : PLAN_MORE;
    if (this.#encoder?.state === "configured" && former && !resized && now - this.#plannedAt < pause) {
      return this.#encoder;
    }
    this.#plannedAt = now;
    const next = plan(
      this.#sinks.values(),
      width,
      height,
      this.#window.rate,
      former?.scale ?? 1,
      Math.max(this.#relief, this.#pressure),
    );
    if (this.#encoder?.state === "configured" && former && !resized && !worthwhile(former, next)) {
      this.#plan = { ...former, framerate: next.framerate };
      return this.#encoder;
    }
    this.#plan = next;
    this.#sourceSize = `${width}x${height}`;
    if (!this.#encoder || this.#encoder.state === "closed") {
      this.#encoder = new VideoEncoder({
        output: (chunk) => this.#emit(chunk),
        error: (error) => this.#port.trouble(`video encoder: ${error}`),
      });
      this.#keyWanted = true;
      this.#keyAt = Number.NEGATIVE_INFINITY;
    }
    this.#configure(this.#encoder, next);
    return this.#encoder;
  }

  /** A change of the bitrate or the rate alone makes no key frame. */
  #configure(encoder: VideoEncoder, { width, height, bitrate, framerate }: Plan): void {
    encoder.configure({
      codec: "vp8",
      width,
      height,
      bitrate: this.#control.bitrate(bitrate),
      framerate: Math.max(1, Math.round(framerate || this.#window.rate)),
      latencyMode: "realtime",
    });
  }

  /** Frames per second that are encoded. */
  #rate({ framerate }: Plan): number {
    return Math.min(framerate || this.#window.rate, this.#window.rate);
  }

  /** Bits per second of the weakest receiver. */
  #allowed(): number {
    const targets = [...this.#sinks.values()].filter(({ active }) => active).map(({ target }) => target);
    return Math.min(...targets.map((target) => target ?? Number.POSITIVE_INFINITY));
  }

  #emit(chunk: EncodedVideoChunk): void {
    const key = chunk.type === "key";
    this.#counts.framesEncoded++;
    this.#windowEncoded++;
    this.#ahead.bits += chunk.byteLength * 8;
    this.#control.made(chunk.byteLength, key);
    if (key) this.#counts.keyFramesEncoded++;
    const started = this.#started.get(chunk.timestamp);
    if (started !== undefined) this.#counts.totalEncodeTime += (performance.now() - started) / 1000;
    for (const stamp of this.#started.keys()) {
      if (stamp > chunk.timestamp) break;
      this.#started.delete(stamp);
    }
    let message: Uint8Array<ArrayBuffer> | undefined;
    for (const sink of this.#sinks.values()) {
      if (!sink.active || (!key && !sink.begun)) continue;
      sink.begun = true;
      if (!message) {
        message = allocate(chunk.byteLength, {
          kind: FrameKind.VideoOut,
          codec: Codec.Vp8,
          key,
          text: false,
          gap: false,
          pc: sink.pc,
          id: sink.transceiver,
          timestamp: chunk.timestamp,
          duration: 0,
        });
        chunk.copyTo(message.subarray(HEADER_BYTES));
      } else {
        readdress(message, sink.pc, sink.transceiver);
      }
      this.#port.send(message);
    }
  }

  /** Once a second: the rates, and whether the pictures are too large for this machine. */
  #measure(): void {
    const now = performance.now();
    const window = this.#window;
    const elapsed = (now - window.since) / SECOND;
    if (elapsed < 1) return;
    if (window.since > 0) {
      window.rate = Math.min(60, Math.max(1, window.frames / elapsed));
      this.#counts.framesPerSecond = Math.round(window.frames / elapsed);
      this.#counts.encodedPerSecond = Math.round(this.#windowEncoded / elapsed);
      const struggling = window.dropped > window.frames * 0.25;
      window.calm = struggling ? 0 : window.calm + 1;
      if (struggling) this.#relief = Math.min(this.#relief + 1, 3);
      else if (window.calm > 15 && this.#relief > 0) {
        this.#relief--;
        window.calm = 0;
      }
    }
    this.#windowEncoded = 0;
    window.since = now;
    window.frames = 0;
    window.dropped = 0;
  }
}

function black(width: number, height: number, timestamp: number): VideoFrame {
  const codedWidth = Math.max(2, width & ~1);
  const codedHeight = Math.max(2, height & ~1);
  const luma = codedWidth * codedHeight;
  const data = new Uint8Array(luma + luma / 2).fill(128);
  data.fill(16, 0, luma);
  return new VideoFrame(data, { format: "I420", codedWidth, codedHeight, timestamp });
}

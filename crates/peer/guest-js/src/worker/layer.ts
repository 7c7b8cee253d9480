/// <reference path="../ambient.d.ts" />
// One encoder, and those who receive what it makes.
import type { PipelineStats, VideoCodecName } from "../wire";
import { encoderConfig, numberOf, Packer } from "./codecs";
import { RateControl } from "./control";
import { allocate, FrameKind, HEADER_BYTES, readdress } from "./frame";
import type { LayerLimits } from "./messages";
import type { Port } from "./pipeline";
import {
  type Demand,
  flows,
  isDetailed,
  type Limitation,
  type Plan,
  plan,
  planLayer,
  useful,
  worthwhile,
} from "./plan";

/** Bytes waiting on the socket beyond which no frame is encoded. */
const SOCKET_FULL = 2_000_000;
/** Frames inside the encoder beyond which the next one is dropped. */
const ENCODER_FULL = 3;
/** Milliseconds between key frames made on request. */
const KEY_INTERVAL = 300;
/** Milliseconds between reconfigurations for more, and for less. */
const PLAN_MORE = 500;
const PLAN_LESS = 150;
const SECOND = 1000;
/** Seconds of its bitrate by which the encoder may be ahead before a frame is left out. */
const AHEAD = 0.4;

interface Sink extends Demand {
  pc: number;
  transceiver: number;
  layer: number;
  /** Has had its key frame. */
  begun: boolean;
}

/** A picture for any number of encoders. */
export interface Picture {
  width: number;
  height: number;
  /** Microseconds. */
  timestamp: number;
  /** The same frame for all; whoever made the picture closes it. */
  frame(): VideoFrame;
}

/** What the source is like now. */
export interface Surroundings {
  /** Frames per second. */
  rate: number;
  /** Steps of relief that this machine needs. */
  relief: number;
  /** Its pictures are read, and not followed. */
  detailed: boolean;
}

export class Layer {
  /** Its pictures keep their size, as others of the same source are larger or smaller. */
  readonly fixed: boolean;
  /** It pauses to spare the machine. */
  spared = false;
  #port: Port;
  #codec: VideoCodecName;
  #packer: Packer;
  #again: () => void;
  #encoder: VideoEncoder | undefined;
  #plan: Plan | undefined;
  #plannedAt = 0;
  #sourceSize = "";
  #sinks = new Map<string, Sink>();
  #keyWanted = true;
  #keyAt = Number.NEGATIVE_INFINITY;
  #keyTimer: ReturnType<typeof setTimeout> | undefined;
  #nextFrameAt = 0;
  #surroundings: Surroundings = { rate: 30, relief: 0, detailed: false };
  #control: RateControl;
  /** Bits that the encoder has made beyond its bitrate, and when that was counted. */
  #ahead = { bits: 0, at: 0 };
  #started = new Map<number, number>();
  #window = { since: performance.now(), encoded: 0 };
  #counts = { framesEncoded: 0, keyFramesEncoded: 0, totalEncodeTime: 0, framesPerSecond: 0 };
  /** Why pictures are not what they could be: now, since when, seconds by reason, and how often their size followed. */
  #limitation = {
    reason: "none" as Limitation,
    since: performance.now(),
    durations: { none: 0, cpu: 0, bandwidth: 0, other: 0 },
    changes: 0,
  };

  /** `again` asks for the last picture once more, as a still source gives no new one when a key frame is wanted. */
  constructor(port: Port, codec: VideoCodecName, fixed: boolean, again: () => void) {
    this.#port = port;
    this.#codec = codec;
    this.#packer = new Packer(codec);
    this.#control = new RateControl(codec);
    this.fixed = fixed;
    this.#again = again;
  }

  get empty(): boolean {
    return this.#sinks.size === 0;
  }

  /** Whether anybody gets what it makes. */
  get wanted(): boolean {
    return !this.spared && [...this.#sinks.values()].some(flows);
  }

  /** By how much its pictures are scaled down. */
  get scale(): number {
    return Math.max(
      1,
      ...[...this.#sinks.values()].map(({ scaleResolutionDownBy = 1 }) => scaleResolutionDownBy),
    );
  }

  /** `target`: what the receiver may have, if that is known and this encoder does not know it. */
  attach(pc: number, transceiver: number, limits: LayerLimits, target?: number): void {
    const key = `${pc}/${transceiver}`;
    const former = this.#sinks.get(key);
    const known = former ? former.target : target;
    this.#sinks.set(key, {
      pc,
      transceiver,
      begun: (former?.begun ?? false) && limits.active,
      ...limits,
      ...(known !== undefined && { target: known }),
    });
    if (!former || (limits.active && !former.active)) this.wantKey();
    this.#plannedAt = 0;
  }

  detach(pc: number, transceiver: number): void {
    this.#sinks.delete(`${pc}/${transceiver}`);
  }

  /** Whether it serves a receiver, with this layer if it is one of several. */
  has(pc: number, transceiver: number, layer?: number): boolean {
    const sink = this.#sinks.get(`${pc}/${transceiver}`);
    return sink !== undefined && (layer === undefined || !this.fixed || sink.layer === layer);
  }

  targetOf(pc: number, transceiver: number): number | undefined {
    return this.#sinks.get(`${pc}/${transceiver}`)?.target;
  }

  target(pc: number, transceiver: number, bitrate: number): void {
    const sink = this.#sinks.get(`${pc}/${transceiver}`);
    if (!sink) return;
    const paused = sink.target === 0;
    sink.target = bitrate;
    if (bitrate === 0) sink.begun = false;
    else if (paused) this.wantKey();
  }

  wantKey(): void {
    this.#keyWanted = true;
    clearTimeout(this.#keyTimer);
    this.#keyTimer = setTimeout(() => {
      if (this.#keyWanted && this.wanted) this.#again();
    }, KEY_INTERVAL + 50);
  }

  get keyDue(): boolean {
    return this.#keyWanted && performance.now() - this.#keyAt >= KEY_INTERVAL;
  }

  /** Whether a frame stamped `stamp` microseconds is one that it takes: there is a limit to their rate. */
  takes(stamp: number): boolean {
    const { framerate: wanted = 0, most = Number.POSITIVE_INFINITY } = this.#plan ?? {};
    const framerate = Number.isFinite(most) ? Math.min(wanted || most, most) : wanted;
    // Half a millisecond of tolerance, or jitter would halve the rate.
    if (framerate && stamp < this.#nextFrameAt - 500 && !this.keyDue) return false;
    if (framerate) this.#nextFrameAt = Math.max(this.#nextFrameAt, stamp - 1e6 / framerate) + 1e6 / framerate;
    return true;
  }

  /** Encodes a picture, or drops it; false if that was because the machine or the socket does not follow. */
  encode(picture: Picture, surroundings: Surroundings): boolean {
    this.#surroundings = surroundings;
    if (this.#isAhead() && !this.keyDue) return true;
    if (this.#port.backlog() > SOCKET_FULL || (this.#encoder?.encodeQueueSize ?? 0) > ENCODER_FULL)
      return false;
    const encoder = this.#prepare(picture.width, picture.height);
    if (!encoder) return true;
    const keyFrame = this.keyDue;
    if (keyFrame) {
      this.#keyWanted = false;
      this.#keyAt = performance.now();
    }
    this.#started.set(picture.timestamp, performance.now());
    encoder.encode(picture.frame(), { keyFrame });
    return true;
  }

  close(): void {
    clearTimeout(this.#keyTimer);
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
  }

  /** What each receiver is told of; `source` is the size of the source's frames, if there is one. */
  *reports(source: { width: number; height: number } | undefined): Iterable<{
    pc: number;
    transceiver: number;
    stats: PipelineStats;
  }> {
    this.#measure();
    const { framesEncoded, keyFramesEncoded, totalEncodeTime, framesPerSecond } = this.#counts;
    const size = this.#plan;
    const { reason, durations, changes } = this.#limitation;
    for (const sink of this.#sinks.values()) {
      const { pc, transceiver, layer, active } = sink;
      const rtp = {
        active,
        framesEncoded,
        keyFramesEncoded,
        totalEncodeTime,
        framesPerSecond: flows(sink) ? framesPerSecond : 0,
        qualityLimitationReason: reason,
        qualityLimitationDurations: { ...durations },
        qualityLimitationResolutionChanges: changes,
        ...(size && { frameWidth: size.width, frameHeight: size.height, targetBitrate: size.bitrate }),
      };
      const wanted =
        source && (this.spared ? 0 : useful(sink, source.width, source.height, this.#surroundings.rate));
      yield { pc, transceiver, stats: { rtp, layer, ...(wanted !== undefined && { wanted }) } };
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
    const { rate, relief } = this.#surroundings;
    const detailed = isDetailed(this.#sinks.values(), this.#surroundings.detailed);
    const next = this.fixed
      ? planLayer(this.#sinks.values(), width, height, rate, relief)
      : plan(this.#sinks.values(), width, height, rate, former?.scale ?? 1, relief, detailed);
    if (this.#encoder?.state === "configured" && former && !resized && !worthwhile(former, next)) {
      const { framerate, most, within, limitation } = next;
      this.#plan = { ...former, framerate, most, within, limitation };
      return this.#encoder;
    }
    if (former && !resized && former.width !== next.width && former.scale !== next.scale)
      this.#limitation.changes++;
    this.#plan = next;
    this.#sourceSize = `${width}x${height}`;
    if (!this.#encoder || this.#encoder.state === "closed") {
      this.#encoder = new VideoEncoder({
        output: (chunk, metadata) => this.#emit(chunk, metadata),
        error: (error) => this.#port.trouble(`${this.#codec} encoder: ${error}`),
      });
      this.#keyWanted = true;
      this.#keyAt = Number.NEGATIVE_INFINITY;
    }
    this.#configure(this.#encoder, next);
    return this.#encoder;
  }

  /** A change of the bitrate or the rate alone makes no key frame. */
  #configure(encoder: VideoEncoder, { width, height, bitrate, framerate, within }: Plan): void {
    const picture = {
      width,
      height,
      bitrate: this.#control.bitrate(bitrate),
      framerate: Math.max(1, Math.round(framerate || this.#surroundings.rate)),
    };
    encoder.configure(encoderConfig(this.#codec, picture, within));
  }

  /** Frames per second that are encoded. */
  #rate({ framerate }: Plan): number {
    return Math.min(framerate || this.#surroundings.rate, this.#surroundings.rate);
  }

  /** Bits per second of the weakest receiver. */
  #allowed(): number {
    const targets = [...this.#sinks.values()].filter(flows).map(({ target }) => target);
    return Math.min(...targets.map((target) => target ?? Number.POSITIVE_INFINITY));
  }

  #emit(chunk: EncodedVideoChunk, metadata: EncodedVideoChunkMetadata | undefined): void {
    const key = chunk.type === "key";
    this.#counts.framesEncoded++;
    this.#window.encoded++;
    this.#ahead.bits += chunk.byteLength * 8;
    this.#control.made(chunk.byteLength, key);
    if (key) this.#counts.keyFramesEncoded++;
    const started = this.#started.get(chunk.timestamp);
    if (started !== undefined) this.#counts.totalEncodeTime += (performance.now() - started) / SECOND;
    for (const stamp of this.#started.keys()) {
      if (stamp > chunk.timestamp) break;
      this.#started.delete(stamp);
    }
    // Of every frame, as it looks for what only some bring along.
    const data = this.#packer.pack(chunk, metadata);
    let message: Uint8Array<ArrayBuffer> | undefined;
    for (const sink of this.#sinks.values()) {
      if (!flows(sink) || (!key && !sink.begun)) continue;
      sink.begun = true;
      if (!message) {
        message = allocate(data.byteLength, {
          kind: FrameKind.VideoOut,
          codec: numberOf(this.#codec),
          key,
          text: false,
          gap: false,
          layer: sink.layer,
          pc: sink.pc,
          id: sink.transceiver,
          timestamp: chunk.timestamp,
          duration: 0,
        });
        message.set(data, HEADER_BYTES);
      } else {
        readdress(message, sink.pc, sink.transceiver, sink.layer);
      }
      this.#port.send(message);
    }
  }

  /** With each report: the rate, and why pictures are not what they could be. */
  #measure(): void {
    const now = performance.now();
    const window = this.#window;
    const elapsed = (now - window.since) / SECOND;
    if (elapsed > 0.5) {
      this.#counts.framesPerSecond = Math.round(window.encoded / elapsed);
      this.#window = { since: now, encoded: 0 };
    }
    const limitation = this.#limitation;
    limitation.durations[limitation.reason] += (now - limitation.since) / SECOND;
    limitation.since = now;
    const sinks = [...this.#sinks.values()];
    if (this.spared) limitation.reason = "cpu";
    else if (sinks.some(flows)) limitation.reason = this.#plan?.limitation ?? "none";
    else
      limitation.reason = sinks.some(({ active, target }) => active && target === 0) ? "bandwidth" : "none";
  }
}

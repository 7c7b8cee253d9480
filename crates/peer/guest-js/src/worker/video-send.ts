/// <reference path="../ambient.d.ts" />
// From one video track to any number of receivers: encoded once for all, or once for each layer of a simulcast.
import type { PipelineStats } from "../wire";
import { SourceClock } from "./clock";
import { blackFrame, VIDEO_CODECS } from "./codecs";
import { Layer, type Picture, type Surroundings } from "./layer";
import type { LayerLimits } from "./messages";
import type { Port, SendPipeline } from "./pipeline";
import type { VideoSource } from "./video-source";

const SECOND = 1000;
/** The most steps of relief. */
const MOST_RELIEF = 3;
/** Seconds without trouble after which a step is taken back. */
const CALM = 15;

export class VideoSend implements SendPipeline {
  #port: Port;
  #source: VideoSource;
  #enabled: boolean;
  #reader: ReadableStreamDefaultReader<VideoFrame>;
  /** By what their frames have in common. */
  #layers = new Map<string, Layer>();
  #last: VideoFrame | undefined;
  #lastBlackAt = Number.NEGATIVE_INFINITY;
  #clock = new SourceClock();
  /** Steps of relief that these encoders need, and that the whole machine needs. */
  #relief = 0;
  #pressure = 0;
  #detailed = false;
  #window = { since: 0, frames: 0, dropped: 0, rate: 30, calm: 0 };
  #ended = false;
  #counts = { frames: 0, framesPerSecond: 0 };

  constructor(source: VideoSource, enabled: boolean, port: Port) {
    this.#port = port;
    this.#source = source;
    this.#enabled = enabled;
    this.#reader = source.frames.getReader();
    this.#read().catch((error) => port.trouble(`reading a video track: ${error}`));
  }

  attach(pc: number, transceiver: number, limits: LayerLimits[]): void {
    const kept = new Set<Layer>();
    for (const one of limits) {
      const layer = this.#layer(one, limits.length > 1);
      const target = this.#of(pc, transceiver, one.layer)?.targetOf(pc, transceiver);
      layer.attach(pc, transceiver, one, target);
      kept.add(layer);
    }
    // One that was narrowed to a single encoding leaves those of its layers, one of another codec those of the former.
    for (const layer of this.#layers.values()) if (!kept.has(layer)) layer.detach(pc, transceiver);
    this.#tidy();
  }

  detach(pc: number, transceiver: number): void {
    for (const layer of this.#layers.values()) layer.detach(pc, transceiver);
    this.#tidy();
  }

  limit(pc: number, transceiver: number, limits: LayerLimits[]): void {
    if ([...this.#layers.values()].some((layer) => layer.has(pc, transceiver)))
      this.attach(pc, transceiver, limits);
  }

  target(pc: number, transceiver: number, number: number, bitrate: number): void {
    this.#of(pc, transceiver, number)?.target(pc, transceiver, bitrate);
  }

  keyFrame(pc: number, transceiver: number, number?: number): void {
    if (number !== undefined) this.#of(pc, transceiver, number)?.wantKey();
    else for (const layer of this.#layers.values()) if (layer.has(pc, transceiver)) layer.wantKey();
  }

  spare(level: number): void {
    this.#pressure = level;
    this.#spareLayers();
  }

  enable(enabled: boolean): void {
    this.#enabled = enabled;
    this.#lastBlackAt = Number.NEGATIVE_INFINITY;
    if (!enabled) this.#encodeLast([...this.#layers.values()]);
  }

  detail(detailed: boolean): void {
    this.#detailed = detailed;
  }

  close(): void {
    this.#ended = true;
    this.#reader.cancel().catch(() => {
      // The stream may have ended before: nothing is left to cancel.
    });
    this.#source.stop();
    this.#last?.close();
    this.#last = undefined;
    for (const layer of this.#layers.values()) layer.close();
    this.#layers.clear();
  }

  *reports(): Iterable<{ pc: number; transceiver: number; stats: PipelineStats }> {
    const last = this.#last;
    const size = last && { width: last.displayWidth, height: last.displayHeight };
    const source = { ...this.#counts, ...size };
    for (const layer of this.#layers.values()) {
      for (const { pc, transceiver, stats } of layer.reports(size)) {
        // Nobody needs more for a black picture.
        const wanted = stats.wanted !== undefined && { wanted: this.#enabled ? stats.wanted : 0 };
        yield { pc, transceiver, stats: { ...stats, source, ...wanted } };
      }
    }
  }

  /** The encoder for a layer of a simulcast, or the one for all who have no layers, of one codec. */
  #layer({ layer: number, codec: wanted }: LayerLimits, several: boolean): Layer {
    const codec = VIDEO_CODECS.find((one) => one === wanted) ?? "VP8";
    const key = `${codec} ${several ? `layer ${number}` : "single"}`;
    let layer = this.#layers.get(key);
    if (!layer) {
      const made = new Layer(this.#port, codec, several, () => this.#encodeLast([made]));
      layer = made;
      this.#layers.set(key, layer);
      this.#spareLayers();
    }
    return layer;
  }

  #of(pc: number, transceiver: number, number: number): Layer | undefined {
    return [...this.#layers.values()].find((layer) => layer.has(pc, transceiver, number));
  }

  #tidy(): void {
    for (const [key, layer] of this.#layers) {
      if (!layer.empty) continue;
      layer.close();
      this.#layers.delete(key);
    }
    this.#spareLayers();
  }

  /** An overloaded machine is spared the largest layers, but never the last one. */
  #spareLayers(): void {
    const fixed = [...this.#layers.values()].filter((layer) => layer.fixed);
    fixed.sort((one, other) => one.scale - other.scale);
    const spared = Math.min(fixed.length - 1, this.#surroundings().relief - 1);
    for (const [index, layer] of fixed.entries()) {
      if (layer.spared && index >= spared) layer.wantKey();
      layer.spared = index < spared;
    }
  }

  #surroundings(): Surroundings {
    return {
      rate: this.#window.rate,
      relief: Math.max(this.#relief, this.#pressure),
      detailed: this.#detailed,
    };
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
    let layers = [...this.#layers.values()].filter((layer) => layer.wanted);
    if (layers.length === 0) return;
    if (!this.#enabled) {
      const now = performance.now();
      if (now - this.#lastBlackAt >= SECOND) this.#lastBlackAt = now;
      else layers = layers.filter((layer) => layer.keyDue);
    }
    const stamp = this.#clock.time(frame.timestamp, performance.now() * 1000);
    layers = layers.filter((layer) => layer.takes(stamp));
    this.#encode(frame, stamp, layers);
  }

  /** A still source (a shared screen) sends no frame when one is wanted: use the last one again. */
  #encodeLast(layers: Layer[]): void {
    if (!this.#last || this.#ended) return;
    const wanted = layers.filter((layer) => layer.wanted);
    if (wanted.length === 0) return;
    const now = performance.now() * 1000;
    this.#encode(this.#last, this.#clock.time(Number.NaN, now), wanted);
  }

  #encode(source: VideoFrame, timestamp: number, layers: Layer[]): void {
    const { displayWidth: width, displayHeight: height } = source;
    let made: VideoFrame | undefined;
    const picture: Picture = {
      width,
      height,
      timestamp,
      frame: () => {
        made ??= this.#enabled
          ? this.#source.picture(source, timestamp)
          : blackFrame(width, height, timestamp);
        return made;
      },
    };
    let followed = true;
    try {
      for (const layer of layers) followed = layer.encode(picture, this.#surroundings()) && followed;
    } finally {
      made?.close();
    }
    if (!followed) this.#window.dropped++;
  }

  /** Once a second: the rate, and whether the pictures are too large for this machine. */
  #measure(): void {
    const now = performance.now();
    const window = this.#window;
    const elapsed = (now - window.since) / SECOND;
    if (elapsed < 1) return;
    if (window.since > 0) {
      window.rate = Math.min(60, Math.max(1, window.frames / elapsed));
      this.#counts.framesPerSecond = Math.round(window.frames / elapsed);
      const struggling = window.dropped > window.frames * 0.25;
      window.calm = struggling ? 0 : window.calm + 1;
      if (struggling) this.#relief = Math.min(this.#relief + 1, MOST_RELIEF);
      else if (window.calm > CALM && this.#relief > 0) {
        this.#relief--;
        window.calm = 0;
      }
      this.#spareLayers();
    }
    window.since = now;
    window.frames = 0;
    window.dropped = 0;
  }
}

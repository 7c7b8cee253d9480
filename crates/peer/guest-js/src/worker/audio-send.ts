// From one microphone's samples to any number of receivers, encoded once.
import type { PipelineStats } from "../wire";
import { Energy } from "./energy";
import { allocate, Codec, FrameKind, HEADER_BYTES, readdress } from "./frame";
import { FRAME_SAMPLES, type Limits, SAMPLE_RATE } from "./messages";
import type { Port, SendPipeline } from "./pipeline";

const BITRATE = 40_000;
const FRAME_MICROSECONDS = 20_000;
/** Microseconds by which the samples' clock may differ from the worker's before it is set anew. */
const TOLERANCE = 200_000;

export class AudioSend implements SendPipeline {
  #port: Port;
  #samples: MessagePort;
  #encoder: AudioEncoder | undefined;
  #sinks = new Map<string, { pc: number; transceiver: number; active: boolean }>();
  #enabled = true;
  #clock: number | undefined;
  #energy = new Energy();
  #silence = new Float32Array(FRAME_SAMPLES);

  constructor(samples: MessagePort, port: Port) {
    this.#port = port;
    this.#samples = samples;
    samples.onmessage = ({ data }: MessageEvent<Float32Array<ArrayBuffer>>) => this.#take(data);
  }

  attach(pc: number, transceiver: number, limits: Limits): void {
    this.#sinks.set(`${pc}/${transceiver}`, { pc, transceiver, active: limits.active });
  }

  detach(pc: number, transceiver: number): void {
    this.#sinks.delete(`${pc}/${transceiver}`);
  }

  limit(pc: number, transceiver: number, limits: Limits): void {
    const sink = this.#sinks.get(`${pc}/${transceiver}`);
    if (sink) sink.active = limits.active;
  }

  target(): void {
    // One voice is cheap: its bitrate stays.
  }

  keyFrame(): void {
    // Every Opus packet is one.
  }

  enable(enabled: boolean): void {
    this.#enabled = enabled;
  }

  *sinks(): Iterable<{ pc: number; transceiver: number }> {
    yield* this.#sinks.values();
  }

  stats(): PipelineStats {
    return { rtp: { targetBitrate: BITRATE }, source: this.#energy.members() };
  }

  close(): void {
    this.#samples.close();
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
  }

  #take(captured: Float32Array<ArrayBuffer>): void {
    const samples = this.#enabled ? captured : this.#silence;
    this.#energy.add(samples, SAMPLE_RATE);
    const now = performance.now() * 1000;
    if (this.#clock === undefined || Math.abs(now - this.#clock) > TOLERANCE) this.#clock = now;
    const timestamp = Math.round(this.#clock);
    this.#clock += FRAME_MICROSECONDS;
    if (this.#sinks.size === 0) return;
    const data = new AudioData({
      format: "f32-planar",
      sampleRate: SAMPLE_RATE,
      numberOfFrames: samples.length,
      numberOfChannels: 1,
      timestamp,
      data: samples,
    });
    try {
      this.#configured().encode(data);
    } finally {
      data.close();
    }
  }

  #configured(): AudioEncoder {
    if (this.#encoder?.state === "configured") return this.#encoder;
    const encoder = new AudioEncoder({
      output: (chunk) => this.#emit(chunk),
      error: (error) => this.#port.trouble(`audio encoder: ${error}`),
    });
    encoder.configure({ codec: "opus", sampleRate: SAMPLE_RATE, numberOfChannels: 1, bitrate: BITRATE });
    this.#encoder = encoder;
    return encoder;
  }

  #emit(chunk: EncodedAudioChunk): void {
    let message: Uint8Array<ArrayBuffer> | undefined;
    for (const sink of this.#sinks.values()) {
      if (!sink.active) continue;
      if (!message) {
        message = allocate(chunk.byteLength, {
          kind: FrameKind.AudioOut,
          codec: Codec.Opus,
          key: true,
          text: false,
          gap: false,
          pc: sink.pc,
          id: sink.transceiver,
          timestamp: chunk.timestamp,
          duration: FRAME_MICROSECONDS,
        });
        chunk.copyTo(message.subarray(HEADER_BYTES));
      } else {
        readdress(message, sink.pc, sink.transceiver);
      }
      this.#port.send(message);
    }
  }
}

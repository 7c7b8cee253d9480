// From one remote's Opus packets to its play-out worklet.
import type { PipelineStats } from "../wire";
import { Energy } from "./energy";
import type { Frame } from "./frame";
import { type PlayoutFrame, type PlayoutReport, SAMPLE_RATE } from "./messages";
import type { ReceivePipeline } from "./pipeline";

export class AudioReceive implements ReceivePipeline {
  #playout: MessagePort;
  #trouble: (message: string) => void;
  #decoder: AudioDecoder | undefined;
  #energy = new Energy();
  #closed = false;
  #samples = 0;
  #delay = 0;
  #report: PlayoutReport = {
    concealed: 0,
    concealments: 0,
    skipped: 0,
    level: 0,
    target: 0,
    played: 0,
  };

  constructor(playout: MessagePort, trouble: (message: string) => void) {
    this.#playout = playout;
    this.#trouble = trouble;
    playout.onmessage = ({ data }: MessageEvent<PlayoutReport>) => {
      const played = data.played - this.#report.played;
      this.#delay += (Math.max(0, played) * data.level) / SAMPLE_RATE;
      this.#report = data;
    };
  }

  push(frame: Frame): void {
    if (this.#closed || frame.payload.byteLength === 0) return;
    this.#configured().decode(
      new EncodedAudioChunk({ type: "key", timestamp: frame.timestamp, data: frame.payload }),
    );
  }

  stats(): PipelineStats {
    const { concealed, concealments, skipped, played } = this.#report;
    return {
      rtp: {
        ...this.#energy.members(),
        totalSamplesReceived: this.#samples,
        concealedSamples: concealed,
        concealmentEvents: concealments,
        removedSamplesForAcceleration: skipped,
        jitterBufferDelay: this.#delay,
        jitterBufferEmittedCount: played,
      },
    };
  }

  close(): void {
    this.#closed = true;
    this.#playout.close();
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
  }

  #configured(): AudioDecoder {
    if (this.#decoder?.state === "configured") return this.#decoder;
    const decoder = new AudioDecoder({
      output: (data) => this.#play(data),
      error: (error) => this.#trouble(`audio decoder: ${error}`),
    });
    decoder.configure({ codec: "opus", sampleRate: SAMPLE_RATE, numberOfChannels: 1 });
    this.#decoder = decoder;
    return decoder;
  }

  #play(data: AudioData): void {
    try {
      const samples = mono(data);
      if (this.#closed) return;
      this.#energy.add(samples, data.sampleRate);
      this.#samples += samples.length;
      const position = Math.round((data.timestamp * SAMPLE_RATE) / 1e6);
      const frame: PlayoutFrame = { samples, position };
      this.#playout.postMessage(frame, [samples.buffer]);
    } finally {
      data.close();
    }
  }
}

/** WebKit's decoder gives two channels for a mono stream; a voice needs one. */
function mono(data: AudioData): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(data.numberOfFrames);
  data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
  if (data.numberOfChannels < 2) return samples;
  const other = new Float32Array(data.numberOfFrames);
  data.copyTo(other, { planeIndex: 1, format: "f32-planar" });
  for (let index = 0; index < samples.length; index++) {
    samples[index] = ((samples[index] ?? 0) + (other[index] ?? 0)) / 2;
  }
  return samples;
}

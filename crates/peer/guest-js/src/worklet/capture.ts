/// <reference path="../ambient.d.ts" />
// The audio thread's end of a local audio track: mono frames of 20 ms for the encoder.
import { FRAME_SAMPLES } from "../worker/messages";

class Capture extends AudioWorkletProcessor {
  #worker: MessagePort | undefined;
  #frame = new Float32Array(FRAME_SAMPLES);
  #filled = 0;
  #alive = true;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<MessagePort | "stop">) => {
      if (data === "stop") this.#alive = false;
      else this.#worker = data;
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const channel = inputs[0]?.[0];
    if (!channel || !this.#worker) return this.#alive;
    for (const sample of channel) {
      this.#frame[this.#filled++] = sample;
      if (this.#filled < FRAME_SAMPLES) continue;
      this.#filled = 0;
      const frame = this.#frame.slice();
      this.#worker.postMessage(frame, [frame.buffer]);
    }
    return this.#alive;
  }
}

registerProcessor("peer-connection-capture", Capture);

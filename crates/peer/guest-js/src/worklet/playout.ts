/// <reference path="../ambient.d.ts" />
// The audio thread's end of a remote audio track.
import type { PlayoutFrame, PlayoutReport } from "../worker/messages";
import { JitterRing } from "./ring";

/** Render quanta between two reports: one second. */
const REPORT_EVERY = 375;

class Playout extends AudioWorkletProcessor {
  #ring = new JitterRing();
  #worker: MessagePort | undefined;
  #alive = true;
  #quanta = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<MessagePort | "stop">) => {
      if (data === "stop") {
        this.#alive = false;
        return;
      }
      this.#worker = data;
      data.onmessage = ({ data: frame }: MessageEvent<PlayoutFrame>) => {
        this.#ring.push(frame.samples, frame.position);
      };
    };
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const channel = outputs[0]?.[0];
    if (channel) this.#ring.pull(channel);
    if (++this.#quanta % REPORT_EVERY === 0 && this.#worker) {
      const { level, target, counts } = this.#ring;
      const report: PlayoutReport = { ...counts, level, target };
      this.#worker.postMessage(report);
    }
    return this.#alive;
  }
}

registerProcessor("peer-connection-playout", Playout);

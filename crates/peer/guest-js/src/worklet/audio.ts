/// <reference path="../ambient.d.ts" />
// The audio thread: one exchange for all microphones and remote voices of the AudioContext, and the nodes around it.
import type { CaptureOptions, ToPlayout } from "../worker/messages";
import { Exchange, HEADER } from "./exchange";

let worker: MessagePort | undefined;
const exchange = new Exchange((tick) => worker?.postMessage(tick, [tick]));

/** Brings the port to the worker; it has neither input nor output. */
class Connector extends AudioWorkletProcessor {
  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<MessagePort>) => {
      worker = data;
      data.onmessage = (event: MessageEvent<ArrayBuffer>) => exchange.answer(event.data, HEADER);
    };
  }

  process(): boolean {
    return false;
  }
}

class Capture extends AudioWorkletProcessor {
  #source: number;
  #alive = true;

  constructor(options: { processorOptions: CaptureOptions }) {
    super();
    this.#source = options.processorOptions.source;
    exchange.openSource(this.#source);
    this.port.onmessage = () => {
      this.#alive = false;
      exchange.closeSource(this.#source);
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const channel = inputs[0]?.[0];
    if (channel && this.#alive) exchange.capture(this.#source, currentFrame, channel);
    return this.#alive;
  }
}

class Playout extends AudioWorkletProcessor {
  #address: { pc: number; transceiver: number } | undefined;
  #alive = true;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToPlayout>) => {
      if (this.#address) exchange.closeVoice(this.#address.pc, this.#address.transceiver);
      this.#address = data === "stop" ? undefined : data;
      if (data === "stop") this.#alive = false;
      else exchange.openVoice(data.pc, data.transceiver);
    };
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const channel = outputs[0]?.[0];
    if (channel && this.#address) {
      exchange.render(this.#address.pc, this.#address.transceiver, currentFrame, channel);
    }
    return this.#alive;
  }
}

registerProcessor("peer-connection-connector", Connector);
registerProcessor("peer-connection-capture", Capture);
registerProcessor("peer-connection-playout", Playout);

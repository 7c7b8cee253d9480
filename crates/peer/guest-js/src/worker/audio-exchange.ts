// Carries the audio thread's ticks to Rust and its answers back, unread.
import { HEADER_BYTES } from "./frame";

const TICK = 7;
const PCM = 3;
const TICK_MICROSECONDS = 10_000;
/** Bytes that may wait for the socket: what is older is not worth hearing. */
const BACKLOG = 200_000;

export class AudioExchange {
  #port: MessagePort;

  /** `send` takes whole messages, `backlog` tells the bytes that wait for the socket. */
  constructor(port: MessagePort, send: (message: Uint8Array<ArrayBuffer>) => void, backlog: () => number) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      if (backlog() > BACKLOG) return;
      const view = new DataView(data, 0, HEADER_BYTES);
      view.setUint8(0, TICK);
      view.setUint8(2, PCM);
      // The clock of everything that is sent: pictures and voices must agree.
      view.setBigInt64(12, BigInt(Math.round(performance.now() * 1000)), true);
      view.setUint32(20, TICK_MICROSECONDS, true);
      send(new Uint8Array(data));
    };
  }

  /** A whole message of kind 8. */
  answer(message: ArrayBuffer): void {
    this.#port.postMessage(message, [message]);
  }
}

// Brings together what the microphones take and what the remote voices play in the same 10 ms, as an echo canceller must
// see them, and trades them for what is to be played next. The format is that of Rust's `audio::message`. Pure.
import { BLOCK, PlayQueue } from "./queue";

/** Header of the loopback socket's messages, filled in by the worker. */
export const HEADER = 24;
/** A render quantum may begin in one block and end in the next. */
const ROOM = BLOCK + 1024;

export class Exchange {
  /** Samples collected of the block at hand. */
  #filled = 0;
  #quantum = 0;
  #frame: number | undefined;
  #mix = new Float32Array(ROOM);
  #heard = false;
  #sources = new Map<number, Float32Array>();
  #voices = new Map<string, { pc: number; transceiver: number; queue: PlayQueue }>();
  #emit: (tick: ArrayBuffer) => void;

  constructor(emit: (tick: ArrayBuffer) => void) {
    this.#emit = emit;
  }

  openSource(source: number): void {
    this.#sources.set(source, new Float32Array(ROOM));
  }

  closeSource(source: number): void {
    this.#sources.delete(source);
  }

  openVoice(pc: number, transceiver: number): void {
    this.#voices.set(`${pc}/${transceiver}`, { pc, transceiver, queue: new PlayQueue() });
  }

  closeVoice(pc: number, transceiver: number): void {
    this.#voices.delete(`${pc}/${transceiver}`);
  }

  /** What a microphone took in the render quantum that begins with `frame`. */
  capture(source: number, frame: number, samples: Float32Array): void {
    this.#begin(frame, samples.length);
    this.#sources.get(source)?.set(samples, this.#filled);
  }

  /** Fills `out` with a voice's next samples. */
  render(pc: number, transceiver: number, frame: number, out: Float32Array): void {
    this.#begin(frame, out.length);
    const voice = this.#voices.get(`${pc}/${transceiver}`);
    if (!voice) return;
    voice.queue.pull(out.length, out, 0);
    for (let index = 0; index < out.length; index++) {
      const sample = out[index] ?? 0;
      if (sample === 0) continue;
      this.#mix[this.#filled + index] = (this.#mix[this.#filled + index] ?? 0) + sample;
      this.#heard = true;
    }
  }

  /** Takes what Rust answered: voices, each with its blocks. */
  answer(message: ArrayBuffer, offset: number): void {
    const view = new DataView(message);
    const count = view.getUint32(offset, true);
    let at = offset + 4;
    for (let index = 0; index < count; index++) {
      const address = `${view.getUint32(at, true)}/${view.getUint32(at + 4, true)}`;
      const blocks = view.getUint16(at + 8, true);
      at += 12;
      const queue = this.#voices.get(address)?.queue;
      for (let block = 0; block < blocks; block++, at += 2 * BLOCK) {
        queue?.push(new Int16Array(message, at, BLOCK));
      }
    }
  }

  /** All that happens in one render quantum has the same `frame`: the next one closes it. */
  #begin(frame: number, length: number): void {
    if (frame === this.#frame) return;
    this.#frame = frame;
    this.#filled += this.#quantum;
    this.#quantum = length;
    while (this.#filled >= BLOCK) {
      this.#emit(this.#tick());
      this.#filled -= BLOCK;
      for (const samples of this.#sources.values()) shift(samples);
      shift(this.#mix);
      this.#heard = this.#filled > 0 && this.#heard;
    }
  }

  #tick(): ArrayBuffer {
    const { size } = this.#sources;
    const heard = this.#heard ? 2 * BLOCK : 0;
    const bytes = HEADER + 4 + heard + size * (4 + 2 * BLOCK) + this.#voices.size * 16;
    const message = new ArrayBuffer(bytes);
    const view = new DataView(message);
    view.setUint8(HEADER, size);
    view.setUint8(HEADER + 1, this.#voices.size);
    view.setUint8(HEADER + 2, heard > 0 ? 1 : 0);
    let at = HEADER + 4;
    if (heard > 0) at = write(this.#mix, message, at);
    for (const [source, samples] of this.#sources) {
      view.setUint32(at, source, true);
      at = write(samples, message, at + 4);
    }
    for (const { pc, transceiver, queue } of this.#voices.values()) {
      const { wanted, waiting, lacked } = queue.account();
      view.setUint32(at, pc, true);
      view.setUint32(at + 4, transceiver, true);
      view.setUint16(at + 8, wanted, true);
      view.setUint16(at + 10, Math.min(waiting, 0xffff), true);
      view.setUint16(at + 12, Math.min(lacked, 0xffff), true);
      at += 16;
    }
    return message;
  }
}

function write(samples: Float32Array, message: ArrayBuffer, at: number): number {
  const out = new Int16Array(message, at, BLOCK);
  for (let index = 0; index < BLOCK; index++) {
    out[index] = Math.max(-32768, Math.min(32767, Math.round((samples[index] ?? 0) * 32768)));
  }
  return at + 2 * BLOCK;
}

function shift(samples: Float32Array): void {
  samples.copyWithin(0, BLOCK);
  samples.fill(0, samples.length - BLOCK);
}

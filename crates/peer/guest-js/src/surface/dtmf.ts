// RTCDTMFSender (WebRTC 7): which tone sounds when.
import { ToneChangeEvent } from "./events";
import { handlerAttributes } from "./handlers";
import { needs, string, unsignedLong } from "./idl";

/** Milliseconds. */
const SHORTEST = 40;
const LONGEST = 6000;
const LEAST_GAP = 30;
const LONGEST_GAP = 6000;
const COMMA = 2000;

/** What a DTMF sender asks of its connection. */
export interface DtmfHost {
  /** The transceiver is stopped, or does not send. */
  readonly mayInsert: boolean;
  readonly canInsert: boolean;
  /** Plays a tone for so many milliseconds. */
  play(tone: string, duration: number): void;
}

let building = false;

export class DtmfSender extends EventTarget {
  #host: DtmfHost;
  #tones = "";
  #duration = 100;
  #gap = 70;
  #playing: ReturnType<typeof setTimeout> | undefined;

  constructor(host: DtmfHost) {
    if (!building) throw new TypeError("Illegal constructor");
    super();
    this.#host = host;
  }

  get canInsertDTMF(): boolean {
    return this.#host.canInsert;
  }
  get toneBuffer(): string {
    return this.#tones;
  }

  insertDTMF(tones: string, duration = 100, interToneGap = 70): void {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const text = string(tones, "tones");
    const time = unsignedLong(duration, "duration");
    const gap = unsignedLong(interToneGap, "interToneGap");
    if (!this.#host.mayInsert) throw new DOMException("nothing is sent", "InvalidStateError");
    const normal = text.toUpperCase();
    if (/[^0-9A-D#*,]/.test(normal)) throw new DOMException("no such tone", "InvalidCharacterError");
    this.#tones = normal;
    this.#duration = Math.min(Math.max(time, SHORTEST), LONGEST);
    this.#gap = Math.min(Math.max(gap, LEAST_GAP), LONGEST_GAP);
    if (normal === "" || this.#playing !== undefined) return;
    this.#next(0);
  }

  #next(delay: number): void {
    this.#playing = setTimeout(() => {
      this.#playing = undefined;
      if (!this.#host.mayInsert) return;
      const tone = this.#tones.slice(0, 1);
      this.#tones = this.#tones.slice(1);
      if (tone === ",") {
        this.#next(COMMA);
      } else if (tone !== "") {
        this.#host.play(tone, this.#duration);
        this.#next(this.#duration + this.#gap);
      }
      this.dispatchEvent(new ToneChangeEvent("tonechange", { tone }));
    }, delay);
  }
}
handlerAttributes(DtmfSender, ["tonechange"]);

export function makeDtmfSender(host: DtmfHost): DtmfSender {
  building = true;
  try {
    return new DtmfSender(host);
  } finally {
    building = false;
  }
}

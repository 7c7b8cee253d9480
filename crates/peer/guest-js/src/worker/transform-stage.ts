// One transform as the media worker sees it: frames go out by a port, and come back changed, in order, or not at all.
import type { Kind } from "../wire";
import type { FromTransformer, Metadata, Side, ToTransformer } from "./transform-messages";
import { WINDOW } from "./transform-messages";

/** Frames that may be inside a transform, read and not yet written. */
const INSIDE = 120;
/** Milliseconds after which a voice is not worth hearing any more. */
const LATE = 500;
/** The largest frames that a transform may write: what the socket takes, and what a packet carries. */
const MOST = { video: (8 << 20) - 1024, audio: 1_100 } as const;

/** What a transform needs of the direction that it serves. */
export interface Outlet {
  /** Makes the encoder of a layer, or all of them, or the remote's begin anew. */
  wantKeyFrame(layer?: number): void;
  trouble(message: string): void;
}

/** A frame for a transform, and where it goes from there. */
export interface Passing {
  key: boolean;
  /** Frames of different layers do not depend on each other. */
  layer: number;
  data: ArrayBuffer;
  /** In units of the RTP clock. */
  timestamp: number;
  metadata: Metadata;
  /** `gap`: a frame before it has been lost on the way. */
  pass(data: Uint8Array<ArrayBuffer>, gap: boolean): void;
}

interface Inside extends Pick<Passing, "key" | "layer" | "pass"> {
  at: number;
}

export class Stage {
  readonly side: Side;
  readonly kind: Kind;
  #port: MessagePort;
  #outlet: Outlet;
  #counter = 0;
  /** Sent to the port and not taken from there. */
  #waiting = 0;
  #inside = new Map<number, Inside>();
  /** Layers of which something was lost since their last key frame. */
  #broken = new Set<number>();
  #heard = false;
  #dropped = 0;

  constructor(port: MessagePort, side: Side, kind: Kind, layers: Record<string, number>, outlet: Outlet) {
    this.#port = port;
    this.side = side;
    this.kind = kind;
    this.#outlet = outlet;
    port.onmessage = ({ data }: MessageEvent<FromTransformer>) => this.#hear(data);
    this.#say({ type: "attached", side, kind, layers });
  }

  /** Frames that were not given to the transform, or given back wrongly or too late. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Gives a frame away: it passes only if the transform writes it. */
  push({ key, layer, data, timestamp, metadata, pass }: Passing): void {
    if (this.#waiting >= WINDOW[this.kind]) {
      this.#broken.add(layer);
      this.#drop();
      return;
    }
    this.#waiting++;
    const counter = ++this.#counter;
    this.#inside.set(counter, { key, layer, pass, at: performance.now() });
    this.#forget(counter - INSIDE);
    const frame = { counter, kind: this.kind, key, layer, data, timestamp, metadata };
    this.#port.postMessage({ type: "frame", frame } satisfies ToTransformer, [data]);
  }

  /** Ends it; what is inside comes back no more. */
  end(): void {
    this.#port.onmessage = null;
    this.#inside.clear();
    this.#say({ type: "detached" });
  }

  #hear(message: FromTransformer): void {
    switch (message.type) {
      case "ready":
        this.#heard = true;
        break;
      case "taken":
        this.#waiting = Math.max(0, this.#waiting - 1);
        this.#heard = true;
        break;
      case "written":
        this.#written(message.counter, message.data);
        break;
      case "key-frame":
        if (this.side === "send") this.#outlet.wantKeyFrame(message.layer);
        break;
      case "key-frame-request":
        if (this.side === "receive") this.#outlet.wantKeyFrame();
        break;
    }
  }

  #written(counter: number, data: ArrayBuffer): void {
    const frame = this.#inside.get(counter);
    if (!frame) return;
    this.#inside.delete(counter);
    // Frames are written in order: those before it have been left out.
    this.#forget(counter);
    const late = this.kind === "audio" && performance.now() - frame.at > LATE;
    if (data.byteLength === 0 || data.byteLength > MOST[this.kind] || late) {
      this.#broken.add(frame.layer);
      this.#drop();
      return;
    }
    if (frame.key) this.#broken.delete(frame.layer);
    const gap = this.kind === "video" && this.#broken.has(frame.layer);
    if (gap) {
      this.#outlet.wantKeyFrame(frame.layer);
      // A receiver's decoder knows what to do about it.
      if (this.side === "send") return;
    }
    frame.pass(new Uint8Array(data), gap);
  }

  /** Gives up what is inside up to a number. */
  #forget(counter: number): void {
    for (const [other, { layer }] of this.#inside) {
      if (other > counter) return;
      this.#inside.delete(other);
      this.#broken.add(layer);
    }
  }

  #drop(): void {
    this.#dropped++;
    // Once, and then ever more rarely.
    if ((this.#dropped & (this.#dropped - 1)) !== 0) return;
    const why = this.#heard
      ? "were too many, too large or too late for their transform"
      : "found no transform: its worker must be made after install(), from a script of this origin, or import " +
        "tauri-plugin-peer-connection-api/transform";
    this.#outlet.trouble(`${this.#dropped} ${this.kind} frames (${this.side}) were dropped: they ${why}`);
  }

  #say(message: ToTransformer): void {
    this.#port.postMessage(message);
  }
}

// The two streams of a transform, and the port behind them that leads to the media worker.
import type { Kind } from "../wire";
import type { EncodedFrame, FromTransformer, Side, ToTransformer } from "../worker/transform-messages";
import { WINDOW } from "../worker/transform-messages";
import { type EncodedAudioFrame, type EncodedVideoFrame, makeFrame, originOf } from "./transform-frame";

type AnyFrame = EncodedVideoFrame | EncodedAudioFrame;

/** The names that a layer may have (RFC 8851, 10). */
const RID = /^[a-z0-9]{1,255}$/i;

export class EncodedStreams {
  readonly readable: ReadableStream<AnyFrame>;
  readonly writable: WritableStream<AnyFrame>;
  #port: MessagePort;
  /** Writing a frame twice is an error, as it was for `createEncodedStreams`; otherwise the second one is ignored. */
  #strict: boolean;
  #queue: EncodedFrame[] = [];
  #controller: ReadableStreamDefaultController<AnyFrame> | undefined;
  /** Somebody waits for a frame. */
  #wanted = false;
  #cancelled = false;
  #written = 0;
  #place: { side: Side; kind: Kind; layers: Record<string, number> } | undefined;
  /** Key frames that were asked for: of which layer, or of any. */
  #promised: { layer: number | undefined; resolve(timestamp: number): void }[] = [];

  constructor(port: MessagePort, strict: boolean) {
    this.#port = port;
    this.#strict = strict;
    this.readable = new ReadableStream<AnyFrame>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          const frame = this.#queue.shift();
          if (frame) this.#give(frame);
          else this.#wanted = true;
        },
        cancel: () => {
          this.#cancelled = true;
          for (const _ of this.#queue.splice(0)) this.#say({ type: "taken" });
        },
      },
      { highWaterMark: 0 },
    );
    this.writable = new WritableStream<AnyFrame>({ write: (frame) => this.#write(frame) });
    port.onmessage = ({ data }: MessageEvent<ToTransformer>) => this.#hear(data);
    this.#say({ type: "ready" });
  }

  /** Resolves with the timestamp of the next key frame of a layer, or of any where all are asked, when it can be read. */
  async generateKeyFrame(rid: string | undefined): Promise<number> {
    const place = this.#place;
    if (place?.side !== "send") throw new DOMException("this is no sender's transform", "InvalidStateError");
    if (place.kind !== "video") throw new DOMException("this is no video", "InvalidStateError");
    if (rid !== undefined && !RID.test(rid)) throw new DOMException(`"${rid}" is no rid`, "NotAllowedError");
    const layer = rid === undefined ? undefined : new Map(Object.entries(place.layers)).get(rid);
    if (rid !== undefined && layer === undefined)
      throw new DOMException(`there is no layer "${rid}"`, "NotFoundError");
    const made = new Promise<number>((resolve) => this.#promised.push({ layer, resolve }));
    this.#say({ type: "key-frame", layer });
    return made;
  }

  async sendKeyFrameRequest(): Promise<void> {
    const place = this.#place;
    if (place?.side !== "receive")
      throw new DOMException("this is no receiver's transform", "InvalidStateError");
    if (place.kind !== "video") throw new DOMException("this is no video", "InvalidStateError");
    this.#say({ type: "key-frame-request" });
  }

  #hear(message: ToTransformer): void {
    switch (message.type) {
      case "attached":
        this.#place = message;
        break;
      case "detached":
        this.#place = undefined;
        break;
      case "frame":
        if (this.#cancelled) this.#say({ type: "taken" });
        else if (this.#wanted) {
          this.#wanted = false;
          this.#give(message.frame);
        } else if (this.#queue.length < WINDOW.video) this.#queue.push(message.frame);
        break;
    }
  }

  #give(frame: EncodedFrame): void {
    if (frame.kind === "video" && frame.key) this.#keep(frame);
    this.#controller?.enqueue(makeFrame(this, frame));
    this.#say({ type: "taken" });
  }

  /** Keeps the promises of this key frame. */
  #keep({ layer, timestamp }: EncodedFrame): void {
    const is = (one: { layer: number | undefined }) => one.layer === undefined || one.layer === layer;
    for (const promise of this.#promised.filter(is)) promise.resolve(timestamp);
    this.#promised = this.#promised.filter((one) => !is(one));
  }

  #write(frame: AnyFrame): void {
    const { owner, counter, data } = originOf(frame);
    if (owner !== this) return;
    if (counter <= this.#written) {
      if (!this.#strict) return;
      throw new DOMException("the frame has been written already", "OperationError");
    }
    // A DataCloneError if it is gone, which some ports do not notice.
    if (data.byteLength === 0) structuredClone(data);
    // Takes the data away from the frame.
    this.#port.postMessage({ type: "written", counter, data } satisfies FromTransformer, [data]);
    this.#written = counter;
  }

  #say(message: FromTransformer): void {
    this.#port.postMessage(message);
  }
}

// RTCRtpScriptTransform, and what a sender or a receiver has instead of it: `createEncodedStreams()`.
import { MARK, type Side, type TransformStart } from "../worker/transform-messages";
import { instance, needs, sequence } from "./idl";
import type { Line } from "./line";
import { runtime } from "./runtime";
import { EncodedStreams } from "./transform-streams";

let next = 1;
const isWorker = instance(() => Worker);
const objects = sequence<object>((value, what) => {
  if ((typeof value !== "object" && typeof value !== "function") || value === null)
    throw new TypeError(`${what} has something that is no object`);
  return value;
});

/** Tells the media worker of a transform's end of a port, and gives the number it is known by. */
function announce(port: MessagePort): number {
  const transform = next++;
  runtime().media.tell({ type: "transform-made", transform, port }, [port]);
  return transform;
}

/** The number of each transform, and what it serves now. */
const inside = new WeakMap<ScriptTransform, { number: number; holder: SideOfLine | null }>();

export class ScriptTransform {
  constructor(worker: Worker, options?: unknown, transfer?: Transferable[]) {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const one = isWorker(worker, "the worker");
    const transferred = transfer === undefined ? [] : objects(transfer, "transfer");
    const { port1, port2 } = new MessageChannel();
    const start: TransformStart = { mark: MARK, port: port2, options };
    one.postMessage(start, [port2, ...(transferred as Transferable[])]);
    inside.set(this, { number: announce(port1), holder: null });
  }
}

/** What is done to the frames of one direction of a line. */
export class SideOfLine {
  #line: Line;
  #side: Side;
  #transform: ScriptTransform | null = null;
  #streams: EncodedStreams | undefined;
  #number: number | null = null;

  constructor(line: Line, side: Side) {
    this.#line = line;
    this.#side = side;
  }

  /** The number of the transform by which the media worker knows it; null if frames pass as they are. */
  get number(): number | null {
    return this.#number;
  }

  get transform(): ScriptTransform | null {
    return this.#transform;
  }

  set transform(given: unknown) {
    if (given !== null && given !== undefined && !(given instanceof ScriptTransform))
      throw new TypeError("not an RTCRtpScriptTransform");
    const transform = given ?? null;
    if (transform === this.#transform) return;
    const entry = transform && inside.get(transform);
    if (entry?.holder) throw new DOMException("the transform is in use", "InvalidStateError");
    if (this.#streams) throw new DOMException("there are encoded streams already", "InvalidStateError");
    const former = this.#transform && inside.get(this.#transform);
    if (former) former.holder = null;
    if (entry) entry.holder = this;
    this.#transform = transform;
    this.#number = entry?.number ?? null;
    this.#line.host.transformChanged(this.#line, this.#side);
  }

  createStreams(): { readable: ReadableStream; writable: WritableStream } {
    if (!this.#line.host.insertable)
      throw new DOMException("encodedInsertableStreams is not set", "InvalidStateError");
    if (this.#streams || this.#transform)
      throw new DOMException("the frames have their streams already", "InvalidStateError");
    const { port1, port2 } = new MessageChannel();
    this.#streams = new EncodedStreams(port2, true);
    this.#number = announce(port1);
    this.#line.host.transformChanged(this.#line, this.#side);
    const { readable, writable } = this.#streams;
    return { readable, writable };
  }
}

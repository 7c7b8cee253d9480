// RTCDataChannel.
import type { ChannelInit } from "../wire";
import { handlerAttributes } from "./handlers";

/** Bytes that a page may leave waiting. */
const BUFFER_MOST = 16_000_000;
const HELD_MESSAGES = 1024;

export interface ChannelHost {
  send(data: string | ArrayBuffer): void;
  /** Asks the other end to close too, after what was sent. */
  close(): void;
  maxMessageSize(): number;
}

const INSIDE = Symbol("data channel");
let building = false;

export class DataChannel extends EventTarget {
  readonly label: string;
  readonly ordered: boolean;
  readonly maxPacketLifeTime: number | null;
  readonly maxRetransmits: number | null;
  readonly protocol: string;
  readonly negotiated: boolean;
  [INSIDE]: Inside;

  constructor(init: ChannelInit, host: ChannelHost) {
    if (!building) throw new TypeError("Illegal constructor");
    super();
    this.label = init.label;
    this.ordered = init.ordered;
    this.maxPacketLifeTime = init.maxPacketLifeTime ?? null;
    this.maxRetransmits = init.maxRetransmits ?? null;
    this.protocol = init.protocol;
    this.negotiated = init.negotiated;
    this[INSIDE] = new Inside(this, init.id ?? null, host);
  }

  get id(): number | null {
    return this[INSIDE].id;
  }
  get readyState(): RTCDataChannelState {
    return this[INSIDE].state;
  }
  get bufferedAmount(): number {
    return this[INSIDE].buffered;
  }
  get bufferedAmountLowThreshold(): number {
    return this[INSIDE].threshold;
  }
  set bufferedAmountLowThreshold(threshold: number) {
    this[INSIDE].threshold = threshold;
  }
  get binaryType(): BinaryType {
    return this[INSIDE].binaryType;
  }
  set binaryType(type: BinaryType) {
    if (type !== "arraybuffer" && type !== "blob") return;
    this[INSIDE].binaryType = type;
  }

  send(data: string | Blob | ArrayBuffer | ArrayBufferView): void {
    this[INSIDE].send(data);
  }

  close(): void {
    this[INSIDE].close();
  }
}
handlerAttributes(DataChannel.prototype, [
  "open",
  "message",
  "bufferedamountlow",
  "error",
  "closing",
  "close",
]);

/** What stands behind a channel; the connection turns it, the page cannot reach it. */
export class Inside {
  state: RTCDataChannelState = "connecting";
  buffered = 0;
  threshold = 0;
  binaryType: BinaryType = "arraybuffer";
  id: number | null;
  #channel: DataChannel;
  #host: ChannelHost;
  /** Messages that came before the channel was open. */
  #held: (string | ArrayBuffer)[] = [];
  /** Blobs are read one after the other, and what comes behind them waits. */
  #reading: Promise<void> | undefined;

  constructor(channel: DataChannel, id: number | null, host: ChannelHost) {
    this.#channel = channel;
    this.id = id;
    this.#host = host;
  }

  send(data: string | Blob | ArrayBuffer | ArrayBufferView): void {
    if (this.state !== "open") throw new DOMException(`the channel is ${this.state}`, "InvalidStateError");
    const bytes = size(data);
    if (bytes > this.#host.maxMessageSize())
      throw new TypeError("the message is larger than the other end takes");
    if (this.buffered + bytes > BUFFER_MOST)
      throw new DOMException("the send queue is full", "OperationError");
    this.buffered += bytes;
    if (!(data instanceof Blob) && !this.#reading) {
      this.#host.send(plain(data));
      return;
    }
    const copy = data instanceof Blob ? data : plain(data);
    const reading: Promise<void> = (this.#reading ?? Promise.resolve())
      .then(async () => this.#host.send(copy instanceof Blob ? await copy.arrayBuffer() : copy))
      .catch((error) => console.error("peer-connection: a Blob could not be read:", error))
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    this.#reading = reading;
  }

  close(): void {
    if (this.state === "closing" || this.state === "closed") return;
    this.state = "closing";
    if (this.#reading) this.#reading.finally(() => this.#host.close());
    else this.#host.close();
  }

  opened(id: number | null): void {
    this.id = id ?? this.id;
    if (this.state !== "connecting") return;
    this.state = "open";
    this.announce();
  }

  /** Fires `open`, then whatever waited for it. */
  announce(): void {
    this.#channel.dispatchEvent(new Event("open"));
    for (const data of this.#held.splice(0)) this.received(data);
  }

  closing(): void {
    if (this.state !== "connecting" && this.state !== "open") return;
    this.state = "closing";
    this.#channel.dispatchEvent(new Event("closing"));
  }

  closed(): void {
    if (this.state === "closed") return;
    this.closing();
    this.state = "closed";
    this.#channel.dispatchEvent(new Event("close"));
  }

  received(data: string | ArrayBuffer): void {
    if (this.state === "closed") return;
    if (this.state === "connecting") {
      if (this.#held.length < HELD_MESSAGES) this.#held.push(data);
      else console.error("peer-connection: a data channel does not open; its messages are lost");
      return;
    }
    const value = typeof data === "string" || this.binaryType === "arraybuffer" ? data : new Blob([data]);
    this.#channel.dispatchEvent(new MessageEvent("message", { data: value }));
  }

  /** `amount` bytes have left for the network. */
  flowed(amount: number): void {
    const former = this.buffered;
    this.buffered = Math.max(0, former - amount);
    if (former > this.threshold && this.buffered <= this.threshold) {
      this.#channel.dispatchEvent(new Event("bufferedamountlow"));
    }
  }
}

export function makeChannel(init: ChannelInit, host: ChannelHost): DataChannel {
  building = true;
  try {
    return new DataChannel(init, host);
  } finally {
    building = false;
  }
}

export function inside(channel: DataChannel): Inside {
  return channel[INSIDE];
}

function size(data: string | Blob | ArrayBuffer | ArrayBufferView): number {
  if (typeof data === "string") return new TextEncoder().encode(data).byteLength;
  return data instanceof Blob ? data.size : data.byteLength;
}

/** A copy that the worker may own. */
function plain(data: string | ArrayBuffer | ArrayBufferView): string | ArrayBuffer {
  if (typeof data === "string") return data;
  if (data instanceof ArrayBuffer) return data.slice(0);
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice().buffer as ArrayBuffer;
  }
  return String(data);
}

// RTCDataChannel.
import type { ChannelInit } from "../wire";
import { PeerError, PeerErrorEvent } from "./events";
import { handlerAttributes } from "./handlers";
import { needs, scalars, unsignedLong } from "./idl";

/** Bytes that a page may leave waiting. */
const BUFFER_MOST = 16_000_000;
const HELD_MESSAGES = 1024;

export interface ChannelHost {
  /** Takes a copy of what it is given; text comes as UTF-8. */
  send(data: ArrayBuffer | ArrayBufferView, text: boolean): void;
  /** Asks the other end to close too, after what was sent. */
  close(): void;
  maxMessageSize(): number;
}

const encoder = new TextEncoder();

let made = 0;
let insideOf: (channel: DataChannel) => Inside;
let building = false;

export class DataChannel extends EventTarget {
  #inside: Inside;

  constructor(init: ChannelInit, host: ChannelHost) {
    if (!building) throw new TypeError("Illegal constructor");
    super();
    this.#inside = new Inside(this, init, host);
  }

  static {
    insideOf = (channel) => channel.#inside;
  }

  get label(): string {
    return this.#inside.init.label;
  }
  get ordered(): boolean {
    return this.#inside.init.ordered;
  }
  get maxPacketLifeTime(): number | null {
    return this.#inside.init.maxPacketLifeTime ?? null;
  }
  get maxRetransmits(): number | null {
    return this.#inside.init.maxRetransmits ?? null;
  }
  get protocol(): string {
    return this.#inside.init.protocol;
  }
  get negotiated(): boolean {
    return this.#inside.init.negotiated;
  }
  get id(): number | null {
    return this.#inside.id;
  }
  get readyState(): RTCDataChannelState {
    return this.#inside.state;
  }
  get bufferedAmount(): number {
    return this.#inside.buffered;
  }
  get bufferedAmountLowThreshold(): number {
    return this.#inside.threshold;
  }
  set bufferedAmountLowThreshold(threshold: number) {
    this.#inside.threshold = unsignedLong(threshold, "bufferedAmountLowThreshold");
  }
  get binaryType(): BinaryType {
    return this.#inside.binaryType;
  }
  set binaryType(type: BinaryType) {
    const value = `${type}`;
    const inside = this.#inside;
    if (value === "arraybuffer" || value === "blob") inside.binaryType = value;
  }

  close(): void {
    this.#inside.close();
  }

  send(data: string | Blob | ArrayBuffer | ArrayBufferView): void {
    const inside = this.#inside;
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const binary = data instanceof Blob || data instanceof ArrayBuffer || ArrayBuffer.isView(data);
    inside.send(binary ? data : scalars(data, "the message"));
  }
}
handlerAttributes(DataChannel, ["open", "bufferedamountlow", "error", "closing", "close", "message"]);

/** What stands behind a channel; the connection turns it, the page cannot reach it. */
export class Inside {
  readonly init: ChannelInit;
  /** Unlike any other channel's of the page. */
  readonly serial = made++;
  state: RTCDataChannelState = "connecting";
  buffered = 0;
  threshold = 0;
  binaryType: BinaryType = "arraybuffer";
  readonly counted = { messagesSent: 0, bytesSent: 0, messagesReceived: 0, bytesReceived: 0 };
  /** The SCTP stream. */
  id: number | null;
  #channel: DataChannel;
  #host: ChannelHost;
  /** The page has been told that the channel is open. */
  #announced = false;
  /** Messages that came before that. */
  #held: [data: string | ArrayBuffer, bytes: number][] = [];
  /** Blobs are read one after the other, and what comes behind them waits. */
  #reading: Promise<void> | undefined;

  constructor(channel: DataChannel, init: ChannelInit, host: ChannelHost) {
    this.#channel = channel;
    this.init = init;
    this.id = init.id ?? null;
    this.#host = host;
  }

  get wasOpen(): boolean {
    return this.#announced;
  }

  send(data: string | Blob | ArrayBuffer | ArrayBufferView): void {
    if (this.state !== "open") throw new DOMException(`the channel is ${this.state}`, "InvalidStateError");
    const text = typeof data === "string";
    const message = text ? encoder.encode(data) : data;
    const bytes = message instanceof Blob ? message.size : message.byteLength;
    if (bytes > this.#host.maxMessageSize())
      throw new TypeError("the message is larger than the other end takes");
    if (this.buffered + bytes > BUFFER_MOST)
      throw new DOMException("the send queue is full", "OperationError");
    this.buffered += bytes;
    this.counted.messagesSent++;
    this.counted.bytesSent += bytes;
    if (!(message instanceof Blob) && !this.#reading) {
      this.#host.send(message, text);
      return;
    }
    const copy = message instanceof Blob || text ? message : plain(message);
    const reading: Promise<void> = (this.#reading ?? Promise.resolve())
      .then(async () => this.#host.send(copy instanceof Blob ? await copy.arrayBuffer() : copy, text))
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

  /** Fires `open`, unless the page has closed the channel meanwhile, then gives it what waited. */
  announce(): void {
    this.#announced = true;
    if (this.state !== "open") return;
    this.#channel.dispatchEvent(new Event("open"));
    for (const [data, bytes] of this.#held.splice(0)) this.received(data, bytes);
  }

  /** The other end closes. */
  closing(): void {
    if (this.state !== "connecting" && this.state !== "open") return;
    this.state = "closing";
    this.#channel.dispatchEvent(new Event("closing"));
  }

  /** The channel is no more; `aborted` with the whole transport. */
  closed(aborted = false): void {
    if (this.state === "closed") return;
    if (!aborted) this.closing();
    this.state = "closed";
    if (aborted) {
      const error = new PeerError({ errorDetail: "sctp-failure" }, "the other end closed the connection");
      this.#channel.dispatchEvent(new PeerErrorEvent("error", { error }));
    }
    this.#channel.dispatchEvent(new Event("close"));
  }

  /** A message that had `bytes` on its way. */
  received(data: string | ArrayBuffer, bytes: number): void {
    if (this.state === "closed") return;
    if (!this.#announced) {
      if (this.#held.length < HELD_MESSAGES) this.#held.push([data, bytes]);
      else console.error("peer-connection: a data channel does not open; its messages are lost");
      return;
    }
    if (this.state !== "open") return;
    this.counted.messagesReceived++;
    this.counted.bytesReceived += bytes;
    const value = typeof data === "string" || this.binaryType === "arraybuffer" ? data : new Blob([data]);
    this.#channel.dispatchEvent(
      new MessageEvent("message", { data: value, origin: globalThis.location?.origin ?? "" }),
    );
  }

  /** `amount` bytes have been handed to the transport. */
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
  return insideOf(channel);
}

/** A copy that the page cannot change. */
function plain(data: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  if (data instanceof ArrayBuffer) return data.slice(0);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice().buffer as ArrayBuffer;
}

// The messages of data channels, on a socket of the page's own: pictures are not in their way, nor they in the pictures'.
import type { ChannelEvent, FromPage } from "./wire";
import { allocate, Codec, FrameKind, HEADER_BYTES } from "./worker/frame";
import { Socket } from "./worker/socket";

export interface DataHandlers {
  /** `bytes` of it came. */
  message(pc: number, channel: number, data: string | ArrayBuffer, bytes: number): void;
  event(event: ChannelEvent): void;
}

/** A byte order mark is part of a message. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class DataLink {
  #socket: Socket<ChannelEvent, FromPage>;

  private constructor(socket: Socket<ChannelEvent, FromPage>) {
    this.#socket = socket;
  }

  static async open(url: string, handlers: DataHandlers): Promise<DataLink> {
    const socket = await Socket.open<ChannelEvent, FromPage>(url, {
      frame: ({ kind, text, pc, id, payload }) => {
        if (kind !== FrameKind.DataIn) return;
        const data = text ? decoder.decode(payload) : payload.slice().buffer;
        handlers.message(pc, id, data, payload.byteLength);
      },
      text: handlers.event,
      lost: (reason) => console.error("peer-connection:", reason),
    });
    return new DataLink(socket);
  }

  /** Takes a copy. */
  send(pc: number, channel: number, data: ArrayBuffer | ArrayBufferView, text: boolean): void {
    const payload = bytesOf(data);
    const message = allocate(payload.byteLength, {
      kind: FrameKind.DataOut,
      codec: Codec.None,
      key: false,
      text,
      gap: false,
      layer: 0,
      pc,
      id: channel,
      timestamp: 0,
      duration: 0,
    });
    message.set(payload, HEADER_BYTES);
    this.#socket.send(message);
  }

  /** Closes a channel behind the messages that were sent before. */
  close(pc: number, channel: number): void {
    this.#socket.tell({ type: "close-channel", pc, channel });
  }
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

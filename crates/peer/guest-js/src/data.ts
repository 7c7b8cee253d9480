// The messages of data channels, on a socket of the page's own: pictures are not in their way, nor they in the pictures'.
import type { ChannelEvent, FromPage } from "./wire";
import { allocate, Codec, FrameKind, HEADER_BYTES } from "./worker/frame";
import { Socket } from "./worker/socket";

export interface DataHandlers {
  message(pc: number, channel: number, data: string | ArrayBuffer): void;
  event(event: ChannelEvent): void;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class DataLink {
  #socket: Socket<ChannelEvent, FromPage>;

  private constructor(socket: Socket<ChannelEvent, FromPage>) {
    this.#socket = socket;
  }

  static async open(url: string, handlers: DataHandlers): Promise<DataLink> {
    const socket = await Socket.open<ChannelEvent, FromPage>(url, {
      frame: ({ kind, text, pc, id, payload }) => {
        if (kind !== FrameKind.DataIn) return;
        handlers.message(pc, id, text ? decoder.decode(payload) : payload.slice().buffer);
      },
      text: handlers.event,
      lost: (reason) => console.error("peer-connection:", reason),
    });
    return new DataLink(socket);
  }

  /** Takes a copy. */
  send(pc: number, channel: number, data: string | ArrayBuffer | ArrayBufferView): void {
    const payload = bytesOf(data);
    const message = allocate(payload.byteLength, {
      kind: FrameKind.DataOut,
      codec: Codec.None,
      key: false,
      text: typeof data === "string",
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

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

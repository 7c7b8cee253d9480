// The loopback socket to Rust.
import type { FromWorker, ToWorker } from "../wire";
import { type Frame, parse } from "./frame";

export interface SocketHandlers {
  frame(frame: Frame): void;
  text(message: ToWorker): void;
  lost(reason: string): void;
}

export class Socket {
  #socket: WebSocket;

  private constructor(socket: WebSocket, handlers: SocketHandlers) {
    this.#socket = socket;
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data === "string") {
        handlers.text(JSON.parse(data) as ToWorker);
        return;
      }
      const frame = parse(data);
      if (frame) handlers.frame(frame);
    };
    socket.onclose = ({ code, reason }) => handlers.lost(`the media socket closed: ${code} ${reason}`);
  }

  static open(url: string, handlers: SocketHandlers): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => resolve(new Socket(socket, handlers));
      socket.onclose = ({ code }) => reject(new Error(`the media socket did not open: ${code}`));
    });
  }

  /** Bytes that Rust has not taken yet. */
  get backlog(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(message);
  }

  tell(message: FromWorker): void {
    this.#socket.send(JSON.stringify(message));
  }
}

// A loopback socket to Rust. `In` and `Out` are what its texts say.
import { type Frame, parse } from "./frame";

export interface SocketHandlers<In> {
  frame(frame: Frame): void;
  text(message: In): void;
  lost(reason: string): void;
}

export class Socket<In, Out> {
  #socket: WebSocket;

  private constructor(socket: WebSocket, handlers: SocketHandlers<In>) {
    this.#socket = socket;
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data === "string") {
        handlers.text(JSON.parse(data) as In);
        return;
      }
      const frame = parse(data);
      if (frame) handlers.frame(frame);
    };
    socket.onclose = ({ code, reason }) => handlers.lost(`a loopback socket closed: ${code} ${reason}`);
  }

  static open<In, Out>(url: string, handlers: SocketHandlers<In>): Promise<Socket<In, Out>> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => resolve(new Socket(socket, handlers));
      socket.onclose = ({ code }) => reject(new Error(`a loopback socket did not open: ${code}`));
    });
  }

  /** Bytes that Rust has not taken yet. */
  get backlog(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(message);
  }

  tell(message: Out): void {
    this.#socket.send(JSON.stringify(message));
  }
}

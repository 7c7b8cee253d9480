// Commands to Rust and the session's events, over the control socket.
import { invoke } from "@tauri-apps/api/core";
import { PeerError } from "./surface/events";
import type { CertificateInfo, Command, Configuration, Op, Opened, PeerEvent, Word } from "./wire";

const VERSION = 4;

interface Asked {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class Link {
  /** For the media worker. */
  readonly socketUrl: string;
  /** For data channels. */
  readonly dataUrl: string;
  #socket: WebSocket;
  #asked = new Map<number, Asked>();
  #last = 0;
  #connections = 0;
  #listeners = new Map<number, (event: PeerEvent) => void>();

  private constructor({ socketUrl, dataUrl }: Opened, socket: WebSocket) {
    this.socketUrl = socketUrl;
    this.dataUrl = dataUrl;
    this.#socket = socket;
    socket.onmessage = ({ data }: MessageEvent<string>) => this.#hear(JSON.parse(data) as Word);
    socket.onclose = ({ code }) => this.#lose(`the control socket closed: ${code}`);
  }

  static async open(): Promise<Link> {
    const urls = await invoked<Opened>("open");
    const { version } = urls;
    if (version !== VERSION) throw new Error(`the plugin speaks version ${version}, this page ${VERSION}`);
    return new Link(urls, await opened(urls.controlUrl));
  }

  /** Makes a connection. Its number is known at once, and commands may follow without waiting for `made`. */
  create(
    configuration: Configuration,
    listener: (event: PeerEvent) => void,
  ): { pc: number; made: Promise<unknown> } {
    this.#connections += 1;
    const pc = this.#connections;
    this.#listeners.set(pc, listener);
    return { pc, made: this.#ask({ type: "create", pc, configuration }) };
  }

  run<T>(pc: number, op: Op): Promise<T> {
    return this.#ask<T>({ type: "run", pc, op });
  }

  /** Makes a certificate; `pkcs8` is its key, where that was made already. */
  certificate(request: { expires: number; pkcs8?: number[] }): Promise<CertificateInfo> {
    return this.#ask({ type: "generate-certificate", request });
  }

  async close(pc: number): Promise<void> {
    // What was under way is nobody's any more.
    this.#listeners.delete(pc);
    await this.#ask({ type: "close", pc });
  }

  #ask<T>(command: Command): Promise<T> {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new DOMException("the control socket is closed", "OperationError"));
    }
    return new Promise((resolve, reject) => {
      this.#last += 1;
      this.#asked.set(this.#last, { resolve: resolve as (value: unknown) => void, reject });
      this.#socket.send(JSON.stringify({ id: this.#last, command }));
    });
  }

  #hear(word: Word): void {
    if ("event" in word) {
      this.#listeners.get(word.event.pc)?.(word.event);
      return;
    }
    const asked = this.#asked.get(word.id);
    this.#asked.delete(word.id);
    if ("error" in word) asked?.reject(exception(word.error));
    else asked?.resolve(word.value);
  }

  #lose(reason: string): void {
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { reject } of asked) reject(new DOMException(reason, "OperationError"));
  }
}

/** Whether the desktop has a portal with screen casts. */
export function sharesScreens(): Promise<boolean> {
  return invoked("shares_screens");
}

async function invoked<T>(name: string): Promise<T> {
  try {
    return await invoke<T>(`plugin:peer-connection|${name}`);
  } catch (error) {
    throw exception(error);
  }
}

function opened(url: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve(socket);
    socket.onclose = ({ code }) => reject(new Error(`the control socket did not open: ${code}`));
  });
}

/** The exception that Rust's `{name, message}` stands for; with `sdpLine` an RTCError. */
function exception(error: unknown): DOMException | TypeError {
  if (error && typeof error === "object" && "name" in error && "message" in error) {
    const { name, message, sdpLine } = error as { name: string; message: string; sdpLine?: number };
    if (sdpLine !== undefined)
      return new PeerError({ errorDetail: "sdp-syntax-error", sdpLineNumber: sdpLine }, message);
    return name === "TypeError" ? new TypeError(message) : new DOMException(message, name);
  }
  return new DOMException(String(error), "OperationError");
}

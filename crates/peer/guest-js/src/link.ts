// Commands to Rust and the session's events.
import { Channel, invoke } from "@tauri-apps/api/core";
import type { CertificateInfo, Configuration, Op, PeerEvent } from "./wire";

const VERSION = 1;

export class Link {
  readonly socketUrl: string;
  #listeners: Map<number, (event: PeerEvent) => void>;
  /** Events of a connection whose number the page has not heard yet. */
  #early: Map<number, PeerEvent[]>;

  private constructor(
    socketUrl: string,
    listeners: Map<number, (event: PeerEvent) => void>,
    early: Map<number, PeerEvent[]>,
  ) {
    this.socketUrl = socketUrl;
    this.#listeners = listeners;
    this.#early = early;
  }

  static async open(): Promise<Link> {
    const listeners = new Map<number, (event: PeerEvent) => void>();
    const early = new Map<number, PeerEvent[]>();
    const events = new Channel<PeerEvent>((event) => {
      const listener = listeners.get(event.pc);
      if (listener) listener(event);
      else early.set(event.pc, [...(early.get(event.pc) ?? []).slice(-31), event]);
    });
    const { socketUrl, version } = await command<{ socketUrl: string; version: number }>("open", { events });
    if (version !== VERSION) throw new Error(`the plugin speaks version ${version}, this page ${VERSION}`);
    return new Link(socketUrl, listeners, early);
  }

  async create(configuration: Configuration, listener: (event: PeerEvent) => void): Promise<number> {
    const pc = await command<number>("create", { configuration });
    this.#listeners.set(pc, listener);
    for (const event of this.#early.get(pc) ?? []) listener(event);
    this.#early.delete(pc);
    return pc;
  }

  run<T>(pc: number, op: Op): Promise<T> {
    return command<T>("run", { pc, op });
  }

  /** Makes a certificate; `pkcs8` is its key, where that was made already. */
  certificate(request: { expires: number; pkcs8?: number[] }): Promise<CertificateInfo> {
    return command("generate_certificate", { request });
  }

  async close(pc: number): Promise<void> {
    this.#listeners.set(pc, () => {
      // What was under way when the page closed it.
    });
    await command("close", { pc });
    this.#listeners.delete(pc);
    this.#early.delete(pc);
  }
}

/** Whether the desktop has a portal with screen casts. */
export function sharesScreens(): Promise<boolean> {
  return command("shares_screens", {});
}

async function command<T>(name: string, args: Record<string, unknown>): Promise<T> {
  try {
    return await invoke<T>(`plugin:peer-connection|${name}`, args);
  } catch (error) {
    throw exception(error);
  }
}

/** The DOMException that Rust's `{name, message}` stands for. */
function exception(error: unknown): DOMException | TypeError {
  if (error && typeof error === "object" && "name" in error && "message" in error) {
    const { name, message } = error as { name: string; message: string };
    return name === "TypeError" ? new TypeError(message) : new DOMException(message, name);
  }
  return new DOMException(String(error), "OperationError");
}

// One connection's commands to Rust, one at a time.
import type { Configuration, Op, PeerEvent } from "../wire";
import { type Runtime, runtime } from "./runtime";

export class Commands {
  readonly runtime: Runtime = runtime();
  /** Rust's number of the connection. */
  number: number | undefined;
  #created: Promise<number>;
  #last: Promise<unknown>;
  #closed = false;

  constructor(
    configuration: Configuration,
    created: (pc: number) => void,
    heard: (event: PeerEvent) => void,
  ) {
    this.#created = this.runtime.link.create(configuration, heard).then((pc) => {
      this.number = pc;
      created(pc);
      return pc;
    });
    this.#last = this.#created.catch((error) => console.error("peer-connection: no connection:", error));
  }

  /** Sends what `make` gives when its turn comes; if that is undefined, nothing. */
  run<T>(make: () => Op | undefined): Promise<T | undefined> {
    const result = this.#last.then(async () => {
      if (this.#closed) throw new DOMException("the connection is closed", "InvalidStateError");
      const op = make();
      return op && this.runtime.link.run<T>(await this.#created, op);
    });
    this.#last = result.catch(() => {
      // Whoever asked has the error.
    });
    return result;
  }

  /** Like `run`, for what the page does not wait for. */
  post(make: () => Op | undefined): void {
    this.run(make).catch((error) => {
      if (!this.#closed) console.error("peer-connection:", error);
    });
  }

  /** Beside the others: statistics change nothing. */
  async stats<T>(): Promise<T> {
    return this.runtime.link.run<T>(await this.#created, { type: "get-stats" });
  }

  close(): void {
    this.#closed = true;
    this.#created
      .then((pc) => {
        this.runtime.media.tell({ type: "forget", pc });
        this.runtime.listeners.delete(pc);
        return this.runtime.link.close(pc);
      })
      .catch((error) => console.error("peer-connection: closing:", error));
  }
}

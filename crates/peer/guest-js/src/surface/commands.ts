// One connection's commands to Rust, in order.
import type { Configuration, Op, PeerEvent } from "../wire";
import { type Runtime, runtime } from "./runtime";
import { byPageClock, type Stats } from "./stats";

export class Commands {
  readonly runtime: Runtime = runtime();
  /** The number of the connection. */
  readonly number: number;
  #made: Promise<unknown>;
  /** All commands so far are on their way. */
  #sent: Promise<unknown> = Promise.resolve();
  /** All are answered. */
  #answered: Promise<unknown>;
  #closed = false;

  constructor(configuration: Configuration, heard: (event: PeerEvent) => void) {
    const { pc, made } = this.runtime.link.create(configuration, heard);
    this.number = pc;
    this.#made = made;
    this.#answered = made.catch((error) => console.error("peer-connection: no connection:", error));
  }

  /** Sends what needs nothing of any reply, right behind the commands before it: Rust keeps the order. */
  send<T>(op: Op): Promise<T> {
    return this.#say(this.#sent, () => op) as Promise<T>;
  }

  /** Sends what `make` gives when all commands before it are answered; if that is undefined, nothing. */
  run<T>(make: () => Op | undefined): Promise<T | undefined> {
    return this.#say(this.#answered, make);
  }

  /** Like `run`, for what the page does not wait for. */
  post(make: () => Op | undefined): void {
    this.run(make).catch((error) => {
      if (!this.#closed) console.error("peer-connection:", error);
    });
  }

  /** Beside the others: statistics change nothing. */
  async stats(): Promise<Stats[]> {
    await this.#made;
    const after = this.runtime.media.report();
    const entries = await this.runtime.link.run<Stats[]>(this.number, { type: "get-stats", after });
    return byPageClock(entries, performance.timeOrigin + performance.now());
  }

  close(): void {
    this.#closed = true;
    this.runtime.media.tell({ type: "forget", pc: this.number });
    this.runtime.listeners.delete(this.number);
    this.runtime.link.close(this.number).catch((error) => console.error("peer-connection: closing:", error));
  }

  #say<T>(turn: Promise<unknown>, make: () => Op | undefined): Promise<T | undefined> {
    const sent = turn.then(() => {
      if (this.#closed) throw new DOMException("the connection is closed", "InvalidStateError");
      const op = make();
      // In an object, or it would be waited for.
      return { reply: op && this.runtime.link.run<T>(this.number, op) };
    });
    const reply = sent.then((told) => told.reply);
    this.#sent = sent.catch(() => {
      // Whoever asked has the error.
    });
    const before = this.#answered;
    this.#answered = reply.then(
      () => before,
      () => before,
    );
    return reply;
  }
}

// The operations chain (WebRTC 4.4.1.2): one description operation at a time, in the order of the calls.

export class OperationsChain {
  #operations: (() => Promise<void>)[] = [];
  #closed = false;
  #emptied: () => void;

  /** `emptied` is called when the last operation has ended. */
  constructor(emptied: () => void) {
    this.#emptied = emptied;
  }

  get empty(): boolean {
    return this.#operations.length === 0;
  }
  get closed(): boolean {
    return this.#closed;
  }

  /** Runs `operation` after those before it. Once closed, what it gives is kept to itself: its promise stays open. */
  enqueue<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closed)
      return Promise.reject(new DOMException("the connection is closed", "InvalidStateError"));
    return new Promise((resolve, reject) => {
      this.#operations.push(async () => {
        try {
          const value = await operation();
          if (!this.#closed) resolve(value);
        } catch (error) {
          if (!this.#closed) reject(error);
        }
      });
      if (this.#operations.length === 1) this.#next();
    });
  }

  close(): void {
    this.#closed = true;
    this.#operations.length = 0;
  }

  #next(): void {
    const operation = this.#operations[0];
    if (!operation) return;
    operation().then(() => {
      if (this.#closed) return;
      this.#operations.shift();
      if (this.empty) this.#emptied();
      else this.#next();
    });
  }
}

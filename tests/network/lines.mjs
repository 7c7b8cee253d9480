import { createInterface } from "node:readline";

/** Nothing that is waited for takes longer, on any machine. */
export const PATIENCE = 60_000;

/** What a program says, line by line, kept so that it can be waited for before or after it is said. */
export class Lines {
  all = [];
  #waiting = new Set();
  #over = false;

  /** `read` makes something of a line; undefined drops it. */
  constructor(child, name, read = (line) => line) {
    this.name = name;
    this.complaints = "";
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = read(line);
      if (said === undefined) return;
      this.all.push(said);
      for (const look of this.#waiting) look();
    });
    child.stderr?.on("data", (text) => {
      this.complaints = (this.complaints + text).slice(-4000);
      if (process.env.SNUG_TEST_LOGS) process.stderr.write(`[${name}] ${text}`);
    });
    child.once("close", () => {
      this.#over = true;
      for (const look of this.#waiting) look();
    });
  }

  /** The first one from the `from`-th on that `is` takes; fails when the program ends before it says such a thing. */
  until(what, is, from = 0, patience = PATIENCE) {
    return new Promise((resolve, reject) => {
      let at = from;
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle(value);
      };
      const look = () => {
        for (; at < this.all.length; at += 1) {
          if (is(this.all[at])) return finish(resolve, this.all[at]);
        }
        if (this.#over) finish(reject, new Error(`${this.name} ended before ${what}: ${this.complaints}`));
      };
      const timer = setTimeout(() => {
        const last = this.all.slice(-8).map((said) => JSON.stringify(said));
        finish(
          reject,
          new Error(`${this.name}: ${what}: in vain. Last:\n${last.join("\n")}\n${this.complaints}`),
        );
      }, patience);
      this.#waiting.add(look);
      look();
    });
  }
}

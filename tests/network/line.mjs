/** A cable between a host and its router that can be made bad: `snug-lab line` (crates/lab), in place of the good one. */
import { existsSync } from "node:fs";
import { LAB_BIN } from "./house.mjs";
import { run } from "./lab.mjs";
import { Lines } from "./lines.mjs";

/** Why no such cable can be had here; null when it can. */
export function unlaid() {
  if (!existsSync("/dev/net/tun")) return "this machine has no /dev/net/tun";
  return existsSync(LAB_BIN) ? null : `not built: ${LAB_BIN}`;
}

export class Line {
  /** The site is as good as new: a program that runs on its host has lost its connections. */
  static async lay(site, { seed = 1 } = {}) {
    const { host, router } = site;
    run(`ip -n ${router} link del lan`);
    const child = site.lab.spawnIn(router, LAB_BIN, ["line", "far", "lan", "--seed", String(seed)]);
    const line = new Line(child, new Lines(child, `line of ${site.kind}`, (text) => JSON.parse(text)));
    await line.lines.until("the cable is laid", ({ event }) => event === "ready");
    run(`ip -n ${router} link set far netns ${host} name eth0`);
    site.connect();
    return line;
  }

  constructor(child, lines) {
    this.child = child;
    this.lines = lines;
  }

  /** What happens from now on, from the host and to it, in the words of `Impairment` (crates/lab/src/line). */
  async set({ up = {}, down = {} }) {
    await this.#ask({ do: "set", up, down }, "set");
  }

  /** The same both ways. */
  async impair(how) {
    await this.set({ up: how, down: how });
  }

  /** What became of the frames, each way: `Counts`. */
  async counts() {
    return this.#ask({ do: "counts" }, "counts");
  }

  #ask(command, answer) {
    const from = this.lines.all.length;
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
    return this.lines.until(`the line does: ${command.do}`, ({ event }) => event === answer, from);
  }
}

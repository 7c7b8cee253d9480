/** What runs in the laboratory: the server on the internet, guests without a page on the hosts. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { NAME } from "./lab.mjs";
import { Lines } from "./lines.mjs";

const target = process.env.CARGO_TARGET_DIR ?? new URL("../../target", import.meta.url).pathname;
export const SERVER_BIN = process.env.SNUG_SERVER_BIN ?? `${target}/debug/snug-server`;
export const LAB_BIN = process.env.SNUG_LAB_BIN ?? `${target}/debug/snug-lab`;

/** Why nothing can be run here; null when it can. */
export function unbuilt() {
  return missing([SERVER_BIN, LAB_BIN]);
}

/** The same for those who need no guests of ours. */
export function unserved() {
  return missing([SERVER_BIN]);
}

function missing(binaries) {
  const absent = binaries.filter((path) => !existsSync(path));
  return absent.length === 0 ? null : `not built: ${absent.join(", ")}`;
}

/** `snug-server` with its relay, as an operator starts it on a machine with a public address. */
export class Server {
  /** `turn` is the relay's port; null for none of its own. */
  static async start(lab, { address = "[::]", port = 8080, turn = 3478, options = [] } = {}) {
    const server = new Server(lab, address, port, turn, options);
    await server.restart();
    return server;
  }

  constructor(lab, address, port, turn, options) {
    this.lab = lab;
    this.port = port;
    this.url = `http://${NAME}:${port}`;
    this.command = [
      ...["--listen", `${address}:${port}`],
      // The laboratory's addresses are nobody's, and so refused unless it is asked for.
      ...(turn === null ? [] : ["--turn-listen", `${address}:${turn}`, "--turn-allow-private"]),
      // Everybody behind one router is one address to it, and here that may be many.
      ...["--no-limits", ...options],
    ];
  }

  async restart() {
    this.child = this.lab.spawn(SERVER_BIN, this.command);
    const lines = new Lines(this.child, "server");
    await lines.until("it listens", (line) => line.startsWith("listening on "));
  }

  /** As a crash does it: nobody is told, nothing is kept. */
  async kill() {
    await end(this.child, "SIGKILL");
  }

  async stop() {
    await end(this.child, "SIGTERM");
  }
}

/** A guest without a page (`crates/lab`): the app's own session and peer connection. */
export class Guest {
  constructor(
    site,
    server,
    room,
    identity,
    { media = false, voice = false, video = null, chatter = null, environment = {} } = {},
  ) {
    const options = [
      ...(media ? ["--media"] : []),
      ...(voice ? ["--voice"] : []),
      ...(video === null ? [] : ["--video", String(video)]),
      ...(chatter === null ? [] : ["--chatter", String(chatter)]),
    ];
    this.identity = identity;
    this.child = site.spawn(
      LAB_BIN,
      ["guest", "--server", server.url, "--room", room, "--identity", identity, ...options],
      { env: { ...process.env, ...environment } },
    );
    this.lines = new Lines(this.child, `${identity} (${site.kind})`, (line) => JSON.parse(line));
  }

  tell(command) {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  /** How much it has said by now: what is waited for from here on is news. */
  get now() {
    return this.lines.all.length;
  }

  until(what, is, from = 0) {
    return this.lines.until(what, is, from);
  }

  joined() {
    return this.until("it has a seat", ({ event }) => event === "joined");
  }

  /** Its roster shows exactly these, and nobody away. */
  sees(others, from = 0) {
    const wanted = JSON.stringify([...others].sort());
    const is = ({ event, here, away }) =>
      event === "roster" && away.length === 0 && JSON.stringify(here) === wanted;
    return this.until(`it sees ${wanted} and nobody away`, is, from);
  }

  /** Its roster shows them now, or soon. */
  seesNow(others) {
    const last = this.lines.all.findLastIndex(({ event }) => event === "roster");
    return this.sees(others, Math.max(0, last));
  }

  connected(other, from = 0) {
    const is = (said) => said.event === "link" && said.with === other && said.state === "connected";
    return this.until(`it is connected to ${other}`, is, from);
  }

  async report() {
    const from = this.now;
    this.tell({ do: "report" });
    return this.until("it reports", ({ event }) => event === "report", from);
  }

  /** What its link to `other` has carried by now (`flow` in crates/lab/src/media.rs). */
  async flow(other) {
    return (await this.report()).links[other] ?? {};
  }

  /** Its link to `other`, once `frames` more frames have come by it: the candidates' types at both ends. */
  async link(other, frames = 3) {
    let first = null;
    for (;;) {
      const link = (await this.report()).links[other] ?? {};
      first ??= link.frames ?? 0;
      if ((link.frames ?? 0) - first >= frames && link.local !== undefined) return link;
      // Frames come ten a second; the next one is waited for, and nothing is slept away.
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  async leave() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, "close");
    this.child.stdin.end();
    await gone;
  }
}

async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  // `ip netns exec` becomes the program itself.
  child.kill(signal);
  await gone;
}

/** The servers of the signaling benchmark: each alone on one core, all of them in one run. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

const TARGET = new URL(process.env.CARGO_TARGET_DIR ?? "../../target", import.meta.url).pathname;
const SNUG = process.env.SNUG_SERVER_BIN ?? `${TARGET}/release/snug-server`;
const MATCHBOX = `${TARGET}/rivals/bin/matchbox_server`;
const MATCHBOX_VERSION = "0.15.0";
const LOAD = `${TARGET}/release/snug-load`;
const SERVER_CORE = "0";
const LOAD_CORE = "1";
/** More than the most connections of a figure, on either side; the soft limit alone, which anybody may raise. */
const FILES = "16384:";

export const FIGURES = ["relay", "burst", "broadcast", "calls", "setup", "flood"] as const;
export type Figure = (typeof FIGURES)[number] | "idle";

export interface Rival {
  readonly name: string;
  readonly dialect: string;
  readonly command: readonly string[];
  /** A server that cannot choose its port itself and say which is told one, as its last argument. */
  readonly wantsPort?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cannot?: readonly Figure[];
}

const script = (name: string) => [process.execPath, new URL(`rivals/${name}.mjs`, import.meta.url).pathname];

export const rivals: readonly Rival[] = [
  { name: "floor", dialect: "floor", command: [`${TARGET}/release/floor`] },
  {
    name: "snug",
    dialect: "snug",
    command: [SNUG, "--listen", "127.0.0.1:0", "--no-limits"],
    environment: { RUST_LOG: "warn" },
  },
  {
    name: "snug, all acked",
    dialect: "snug-acked",
    command: [SNUG, "--listen", "127.0.0.1:0", "--no-limits"],
    environment: { RUST_LOG: "warn" },
  },
  { name: "Node ws", dialect: "node", command: script("ws") },
  { name: "socket.io", dialect: "socketio", command: script("socketio") },
  { name: "PeerServer", dialect: "peerjs", command: script("peer"), cannot: ["broadcast"] },
  {
    name: "matchbox",
    dialect: "matchbox",
    command: [MATCHBOX],
    wantsPort: true,
    environment: { RUST_LOG: "error" },
    cannot: ["broadcast"],
  },
];

/** Builds what is measured beside the server. Compiled rivals stay in the build's folder. */
export function build(): void {
  execFileSync("cargo", ["build", "--locked", "--release", "-p", "snug-load"], { stdio: "inherit" });
  if (existsSync(MATCHBOX)) return;
  const version = ["--version", MATCHBOX_VERSION, "--locked", "--root", `${TARGET}/rivals`];
  execFileSync("cargo", ["install", "matchbox_server", ...version], { stdio: "inherit" });
}

/**
 * On one core, and ahead of everything else there where we may ask for that, so that a shared machine disturbs little. Linux
 * weighs sessions before processes (autogroups), so that each has to be a session of its own: `detached`, below.
 */
const pinned = (core: string, command: readonly string[]): [string, string[]] => [
  "sh",
  [
    "-c",
    'core=$1; shift; { echo -20 >/proc/self/autogroup; } 2>/dev/null; exec taskset -c "$core" prlimit "$@"',
    "sh",
    core,
    `--nofile=${FILES}`,
    ...command,
  ],
];

export class Running {
  private constructor(
    readonly rival: Rival,
    private readonly child: ChildProcess,
    private readonly address: string,
  ) {}

  static async start(rival: Rival): Promise<Running> {
    const port = rival.wantsPort ? await freePort() : 0;
    const told = rival.wantsPort ? [...rival.command, `127.0.0.1:${port}`] : rival.command;
    const child = spawn(...pinned(SERVER_CORE, told), {
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
      env: { ...process.env, ...rival.environment },
    });
    const failed = once(child, "exit").then(() => {
      throw new Error(`${rival.name} did not start`);
    });
    const address = await Promise.race([failed, rival.wantsPort ? accepts(port) : announced(child)]);
    failed.catch(() => {}); // From now on its end is no failure of the start.
    return new Running(rival, child, address);
  }

  /** One run of one figure. */
  async measure(figure: Figure, ...options: string[]): Promise<Record<string, number>> {
    const load = [LOAD, figure, "--dialect", this.rival.dialect, "--server", this.address];
    const [command, words] = pinned(LOAD_CORE, [...load, "--pid", String(this.child.pid), ...options]);
    const child = spawn(command, words, {
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`${figure} against ${this.rival.name} failed`);
    return JSON.parse(said);
  }

  async stop(): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }
}

async function announced(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("no output to read the address from");
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /http:\/\/(\S+)$/.exec(line)?.[1];
    if (address !== undefined) return address;
  }
  throw new Error("no address was announced");
}

async function accepts(port: number): Promise<string> {
  for (;;) {
    try {
      await fetch(`http://127.0.0.1:${port}/health`);
      return `127.0.0.1:${port}`;
    } catch {
      await new Promise((again) => setTimeout(again, 50)); // It is not listening yet.
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/**
 * A path that loses packets, for a machine that calls itself, in a network namespace of its own. What it sends to its own address by
 * UDP leaves by one end of the project's line (`snug-lab line`), which takes its time, and comes in by the other, where nftables
 * drops some at random: pictures, what is said about them, checks and handshakes alike, whichever of the two connections sent it.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";

/** Milliseconds there, and as many back. */
export const DELAY = 25;
/** Of the range for benchmarks (RFC 2544). */
const OWN = "198.18.0.2";
const NEXT = "198.18.0.1";

/** RTP and not RTCP by its first two bytes (RFC 7983, RFC 5761). */
const MEDIA = "@th,64,8 128-191 @th,72,8 != 192-223";
const RULES = `table inet path {
  counter sent { }
  counter lost { }
  chain gone {
    ${MEDIA} counter name "lost"
    drop
  }
  chain chance { }
  chain input {
    type filter hook input priority 0
    iifname "lo" meta l4proto udp drop
    iifname "far" meta l4proto udp ${MEDIA} counter name "sent"
    iifname "far" meta l4proto udp jump chance
  }
}`;

/** Packets of RTP since the loss began, those that were sent again among them. */
export interface Passed {
  readonly sent: number;
  readonly lost: number;
}

export class Path {
  private constructor(private readonly line: ChildProcess) {}

  /** In the network namespace of this program, which has nothing but a loopback interface that is down. */
  static async lay(lab: string): Promise<Path> {
    tool("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1");
    tool("ip", "link", "set", "lo", "up");
    const line = spawn(lab, ["line", "near", "far"], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: line.stdout });
    await said(lines, "ready");
    tool("ip", "addr", "add", `${OWN}/24`, "dev", "near");
    for (const end of ["near", "far"]) tool("ip", "link", "set", end, "up");
    tool("sysctl", "-qw", ...["all", "far"].map((name) => `net.ipv4.conf.${name}.rp_filter=0`));
    tool("sysctl", "-qw", "net.ipv4.conf.far.accept_local=1");
    const [far] = JSON.parse(tool("ip", "-j", "link", "show", "far")) as { address: string }[];
    tool("ip", "neigh", "add", NEXT, "lladdr", far?.address ?? "", "dev", "near", "nud", "permanent");
    tool("ip", "route", "add", "default", "via", NEXT, "dev", "near");
    // Before the table that knows which addresses are the machine's own, but only for what it sends.
    tool("ip", "route", "add", OWN, "via", NEXT, "dev", "near", "table", "100");
    tool("ip", "rule", "add", "pref", "10", "iif", "lo", "to", OWN, "lookup", "100");
    tool("ip", "rule", "add", "pref", "20", "lookup", "local");
    tool("ip", "rule", "del", "pref", "0");
    nft(RULES);
    line.stdin.write(`${JSON.stringify({ do: "set", up: { delayMs: DELAY } })}\n`);
    await said(lines, "set");
    return new Path(line);
  }

  /** From now on so many of a hundred packets are lost, each or not by itself. */
  lose(percent: number): void {
    nft("flush chain inet path chance");
    if (percent > 0) nft(`add rule inet path chance numgen random mod 1000 < ${percent * 10} jump gone`);
    nft("reset counters table inet path");
  }

  passed(): Passed {
    const listed = JSON.parse(tool("nft", "-j", "list", "counters", "table", "inet", "path")) as {
      nftables: { counter?: { name: string; packets: number } }[];
    };
    const count = (wanted: string) =>
      listed.nftables.find(({ counter }) => counter?.name === wanted)?.counter?.packets ?? Number.NaN;
    return { sent: count("sent"), lost: count("lost") };
  }

  async close(): Promise<void> {
    const gone = once(this.line, "exit");
    this.line.stdin?.end();
    await gone;
  }
}

function tool(name: string, ...words: string[]): string {
  return execFileSync(name, words, { encoding: "utf8" });
}

function nft(rules: string): void {
  execFileSync("nft", ["-f", "-"], { input: rules, stdio: ["pipe", "ignore", "inherit"] });
}

async function said(lines: Interface, event: string): Promise<void> {
  const [line] = (await Promise.race([
    once(lines, "line"),
    once(lines, "close").then(() => ["the line's end"]),
  ])) as [string];
  if (!line.includes(`"${event}"`)) throw new Error(`the line was to say ${event}: ${line}`);
}

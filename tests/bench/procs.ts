/** What a tree of processes costs, read from /proc. */
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100; // sysconf(_SC_CLK_TCK) on every Linux that Snug runs on.

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly cpuSeconds: number;
}

function processes(): Map<number, Process> {
  const all = new Map<number, Process>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readIfAlive(`/proc/${entry}/stat`);
    if (stat === null) continue;
    // The name may hold spaces and brackets, so the fields are counted from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const pid = Number(entry);
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    all.set(pid, { pid, parent: Number(fields[1]), cpuSeconds });
  }
  return all;
}

function readIfAlive(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // A process may end between the listing and the reading.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw error;
  }
}

/** The process and all that descend from it. */
export function tree(root: number): readonly number[] {
  const all = processes();
  const found = [root];
  for (const pid of found) {
    for (const other of all.values()) if (other.parent === pid) found.push(other.pid);
  }
  return found;
}

/** CPU seconds, user and system, spent so far by the living processes of the tree. */
export function cpuSeconds(root: number): number {
  const all = processes();
  return tree(root).reduce((sum, pid) => sum + (all.get(pid)?.cpuSeconds ?? 0), 0);
}

/** Proportional set size in bytes: memory shared inside the tree counts once. */
export function memory(root: number): number {
  return tree(root).reduce((sum, pid) => {
    const rollup = readIfAlive(`/proc/${pid}/smaps_rollup`);
    return sum + 1024 * Number(rollup?.match(/^Pss:\s+(\d+)/m)?.[1] ?? 0);
  }, 0);
}

/** The first process below this program, nearest first, that runs this program or has this argument. */
export function below(word: string): number {
  const found = tree(process.pid).find((pid) =>
    readIfAlive(`/proc/${pid}/cmdline`)?.split("\0").includes(word),
  );
  if (found === undefined) throw new Error(`no process of ours runs ${word}`);
  return found;
}

/** When a process was started, in milliseconds since the Unix epoch, to a hundredth of a second. */
export function startedAt(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  return Date.now() - 1000 * (uptime - ticks / TICKS_PER_SECOND);
}

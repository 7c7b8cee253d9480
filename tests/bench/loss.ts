/** Pictures where packets get lost, the Linux plugin's beside Chromium's own: `lossy.ts` in a network namespace of its own. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";

const TARGET = new URL(process.env.CARGO_TARGET_DIR ?? "../../target", import.meta.url).pathname;

export async function loss(): Promise<void> {
  const reason = unable();
  if (reason !== null) {
    console.log(`\nloss is not measured: ${reason}`);
    return;
  }
  const script = new URL("lossy.ts", import.meta.url).pathname;
  // The namespace goes with the last program in it.
  const words = ["--net", process.execPath, ...process.execArgv, script, lab()];
  const child = spawn("unshare", words, { stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`the benchmark of loss ended with ${code}`);
}

function unable(): string | null {
  if (process.getuid?.() !== 0) return "only root may make network namespaces";
  if (!existsSync("/dev/net/tun")) return "this machine has no /dev/net/tun";
  const missing = ["unshare", "ip", "nft"].find((tool) => spawnSync(tool, ["-V"]).error !== undefined);
  return missing === undefined ? null : `${missing} is not installed`;
}

/** The program that is the line. */
function lab(): string {
  const { SNUG_LAB_BIN } = process.env;
  if (SNUG_LAB_BIN !== undefined) return SNUG_LAB_BIN;
  execFileSync("cargo", ["build", "--locked", "--release", "-p", "snug-lab"], { stdio: "inherit" });
  return `${TARGET}/release/snug-lab`;
}

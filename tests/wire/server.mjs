import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const BINARY =
  process.env.SNUG_SERVER_BIN ?? new URL("../../target/debug/snug-server", import.meta.url).pathname;

/** Starts the real binary on a free port, and reads from its one line where it listens. */
export async function startServer(...options) {
  const child = spawn(BINARY, ["--listen", "127.0.0.1:0", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  const failed = once(child, "error").then(([error]) => {
    throw error;
  });
  await Promise.race([once(reader, "line"), failed]);
  const url = /^listening on (http:\/\/\S+)$/.exec(lines[0])?.[1];
  if (!url) throw new Error(`unexpected line on stdout: ${lines[0]}`);
  return {
    url,
    socketUrl: `${url.replace("http", "ws")}/ws`,
    lines,
    /** Ends it as Ctrl-C does; resolves with its exit code. */
    async stop() {
      if (child.exitCode === null) {
        child.kill("SIGINT");
        await once(child, "exit");
      }
      return child.exitCode;
    },
  };
}

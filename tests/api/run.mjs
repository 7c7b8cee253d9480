// Lets a fuzzer read the server's own OpenAPI document, and do its worst to a real server with what it says.
//
//   node tests/api/run.mjs [SECONDS]
//
// SNUG_SERVER_BIN names the server, SNUG_SCHEMATHESIS the fuzzer (`schemathesis` of PyPI); without the latter it is
// installed into a virtual environment beside the builds.
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const VERSION = "4.32.5";
const root = join(import.meta.dirname, "../..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const server = process.env.SNUG_SERVER_BIN ?? join(target, "debug/snug-server");
const seconds = process.argv[2];

function fuzzer() {
  if (process.env.SNUG_SCHEMATHESIS) return process.env.SNUG_SCHEMATHESIS;
  const home = join(target, `schemathesis-${VERSION}`);
  const command = join(home, "bin/schemathesis");
  if (!existsSync(command)) {
    execFileSync("python3", ["-m", "venv", home], { stdio: "inherit" });
    const pip = [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      `schemathesis==${VERSION}`,
    ];
    execFileSync(join(home, "bin/python"), pip, { stdio: "inherit" });
  }
  return command;
}

async function start() {
  const options = ["--listen", "127.0.0.1:0", "--no-turn", "--api-key", "fuzz", "--log", "text"];
  const env = { PATH: process.env.PATH, SNUG_API_SECRET: "a secret that only this run knows" };
  const child = spawn(server, options, { env, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = line.match(/^listening on (http:\/\/.*)$/)?.[1];
    if (url) return { child, url, secret: env.SNUG_API_SECRET };
  }
  throw new Error(`${server} did not start`);
}

const command = fuzzer();
const { child, url, secret } = await start();
const length = seconds ? ["--max-time", seconds] : ["--max-examples", "15", "--seed", "1"];
const run = spawn(
  command,
  [
    "run",
    `${url}/api/openapi.json`,
    "--checks",
    "all",
    "--auth",
    `fuzz:${secret}`,
    "--warnings",
    "off",
    ...length,
  ],
  { cwd: dirname(command), stdio: "inherit" },
);
run.on("exit", (code) => {
  const alive = child.exitCode === null;
  if (!alive) console.error("the server ended meanwhile");
  child.kill();
  process.exitCode = alive ? (code ?? 1) : 1;
});

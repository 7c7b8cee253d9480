// `./dev run` with a display: a local server, and the app in a fresh room of it.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";

const { SNUG_SERVER_BIN, SNUG_APP_BIN } = process.env;
if (!SNUG_SERVER_BIN || !SNUG_APP_BIN) throw new Error("start this through ./dev run");

const server = spawn(SNUG_SERVER_BIN, ["--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
server.on("exit", (code) => process.exit(code ?? 1));

const letters = "abcdefghjkmnpqrstuvwxyz";
const word = (length) => Array.from(randomBytes(length), (byte) => letters[byte % letters.length]).join("");

for await (const line of createInterface({ input: server.stdout })) {
  const address = line.match(/^listening on (http:\S+)$/)?.[1];
  if (!address) continue;
  const link = `${address}/r/${word(3)}-${word(4)}-${word(3)}#${randomBytes(16).toString("base64url")}`;
  console.error(`==> share this link with a browser on this machine:\n    ${link}`);
  const app = spawn(SNUG_APP_BIN, ["--join", link, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, SNUG_SERVER: address },
  });
  app.on("exit", (code) => {
    server.removeAllListeners("exit");
    server.on("exit", () => process.exit(code ?? 0));
    server.kill("SIGINT");
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => app.kill(signal));
}

// Drives the probe application with WebKitWebDriver: the W3C WebDriver protocol over fetch, nothing more.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Milliseconds that a script of the page may take, and the driver for anything else. */
const SCRIPT = 120_000;
const PATIENCE = 60_000;

/** Starts `binary` under WebKitWebDriver (and Xvfb, if there is no display); gives `{run, close}`. */
export async function openWebview({ binary, env = {} }) {
  const home = mkdtempSync(join(tmpdir(), "probe-"));
  const display = process.env.DISPLAY ? undefined : await startDisplay();
  const port = await freePort();
  const [program, ...rest] = [...ordinary(), "WebKitWebDriver", `--port=${port}`, "--host=127.0.0.1"];
  const driver = spawn(program, rest, {
    stdio: ["ignore", "inherit", "inherit"],
    // A group of its own, which ends as a whole even if the webview answers no more.
    detached: true,
    env: {
      ...process.env,
      DISPLAY: process.env.DISPLAY ?? display.name,
      TAURI_WEBVIEW_AUTOMATION: "true",
      XDG_DATA_HOME: join(home, "data"),
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_CONFIG_HOME: join(home, "config"),
      ...env,
    },
  });
  const base = `http://127.0.0.1:${port}`;
  const close = () => {
    process.off("exit", close);
    try {
      process.kill(-driver.pid);
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
    display?.process.kill();
    rmSync(home, { recursive: true, force: true });
  };
  process.on("exit", close);
  try {
    await until(async () => (await fetch(`${base}/status`)).ok, "WebKitWebDriver to answer");
    const { sessionId } = await call(base, "/session", {
      capabilities: { alwaysMatch: { "webkitgtk:browserOptions": { binary, args: [] } } },
    });
    const session = `${base}/session/${sessionId}`;
    await call(session, "/timeouts", { script: SCRIPT });
    const run = (script, ...args) => execute(session, script, args);
    await until(() => run("return document.readyState === 'complete'"), "the page to load");
    return {
      kind: "webview",
      run,
      /** Runs the body of a plain function and gives what it returns. */
      now: (script, ...args) => call(session, "/execute/sync", { script, args }),
      /** A click of the person's, which lets the page do what wants a gesture. */
      press: async (selector) => {
        const element = await call(session, "/element", { using: "css selector", value: selector });
        await call(session, `/element/${Object.values(element)[0]}/click`, {});
      },
      visit: (url) => call(session, "/url", { url }),
      screenshot: async () => Buffer.from(await call(session, "/screenshot"), "base64"),
      close: async () => {
        await fetch(session, { method: "DELETE", signal: AbortSignal.timeout(PATIENCE) }).catch((error) =>
          console.error(`closing the session: ${error}`),
        );
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Runs the body of an async function in the page and gives what it returns; its exceptions are rethrown here. */
async function execute(session, body, args) {
  const script = `const done = arguments[arguments.length - 1];
    (async (...args) => { ${body} })(...Array.prototype.slice.call(arguments, 0, -1)).then(
      (value) => done({ value: value === undefined ? null : value }),
      (error) => done({ error: String(error), stack: String(error && error.stack) }));`;
  const outcome = await call(session, "/execute/async", { script, args });
  if (outcome.error) throw new Error(`${outcome.error}\n${outcome.stack}`);
  return outcome.value;
}

async function call(base, path, body) {
  const response = await fetch(base + path, {
    method: body ? "POST" : "GET",
    signal: AbortSignal.timeout(path.endsWith("/async") ? SCRIPT + PATIENCE : PATIENCE),
    ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
  return value;
}

/** Waits until `condition` holds, asking at short intervals; throws after `bound` milliseconds. */
export async function until(condition, what, bound = 20_000) {
  const end = Date.now() + bound;
  let last;
  while (Date.now() < end) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited ${bound} ms in vain for ${what}`, { cause: last });
}

async function startDisplay() {
  const child = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const number = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
    child.stdio[3].once("data", (data) => resolve(String(data).trim()));
  });
  return { name: `:${number}`, process: child };
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/**
 * What starts a program as people do: without root's right to threads that nothing else may interrupt, of which WebKit makes
 * use for sound until two cores do nothing else.
 */
function ordinary() {
  const how = ["setpriv", "--bounding-set=-sys_nice"];
  // Some containers' root may not give up what it may not do anyway.
  const works = process.getuid?.() === 0 && spawnSync("setpriv", [...how.slice(1), "true"]).status === 0;
  return works ? how : [];
}

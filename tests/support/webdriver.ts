/** A WebDriver client (W3C WebDriver, level 2) for one WebKitGTK window: what the desktop tests need and no more. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { ORDINARY } from "./ordinary.ts";

const DRIVER = process.env.SNUG_WEBKIT_DRIVER ?? "WebKitWebDriver";
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
/** For machines that are busy with something else; what is waited for comes much sooner. */
const PATIENCE = 120_000;

export interface Launch {
  binary: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
}

export class WebDriverError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(`${code}: ${message}`);
  }
}

export class WebDriver {
  private constructor(
    private readonly driver: ChildProcess,
    private readonly session: string,
    private readonly log: readonly string[],
  ) {}

  /** Starts the program under the driver. What it writes to stderr passes through the driver into `output`. */
  static async start({ binary, args, env }: Launch): Promise<WebDriver> {
    const port = await freePort();
    const [command, ...options] = [...ORDINARY, DRIVER, `--port=${port}`, "--host=127.0.0.1"];
    const driver = spawn(command, options, {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log: string[] = [];
    for (const stream of [driver.stdout, driver.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        log.push(text);
        if (process.env.SNUG_TEST_LOGS) process.stderr.write(text);
      });
    }
    const failed = once(driver, "error").then(([error]) => {
      throw error;
    });
    const address = `http://127.0.0.1:${port}`;
    await Promise.race([failed, listening(address)]);
    try {
      const { sessionId } = (await call(`${address}/session`, "POST", {
        capabilities: {
          alwaysMatch: { "webkitgtk:browserOptions": { binary, args } },
        },
      })) as { sessionId: string };
      const client = new WebDriver(driver, `${address}/session/${sessionId}`, log);
      await client.send("POST", "timeouts", { script: PATIENCE, pageLoad: PATIENCE, implicit: 0 });
      return client;
    } catch (error) {
      driver.kill();
      throw new Error(`${String(error)}\n${log.join("")}`);
    }
  }

  /** All that the program has written so far. */
  get output(): string {
    return this.log.join("");
  }

  /** Runs the body of a function in the page; a promise it returns is awaited. */
  async run<T>(body: string, ...args: unknown[]): Promise<T> {
    const script = `const done = arguments[arguments.length - 1];
      (async (...args) => { ${body} })(...[...arguments].slice(0, -1))
        .then((value) => done({ value }), (error) => done({ error: String(error?.message ?? JSON.stringify(error)) }));`;
    const answer = (await this.send("POST", "execute/async", { script, args })) as {
      value?: T;
      error?: string;
    };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value as T;
  }

  /** Runs `body` until what it returns is truthy. */
  async until<T>(what: string, body: string, ...args: unknown[]): Promise<NonNullable<T>> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const value = await this.run<T>(body, ...args);
      if (value) return value;
      if (Date.now() > deadline) throw new Error(`waited in vain until ${what}\n${await this.text()}`);
      await this.run("await new Promise((then) => setTimeout(then, 50));");
    }
  }

  /** What a person reads. */
  text(): Promise<string> {
    return this.run("return document.body.innerText;");
  }

  /** Moves the pointer to the one element that `find` returns in the page, and presses it there. */
  async press(what: string, find: string, ...args: unknown[]): Promise<void> {
    const element = await this.until<Record<string, string>>(`there is ${what}`, find, ...args);
    const deadline = Date.now() + PATIENCE;
    for (let step = 0; ; step++) {
      try {
        const there = { type: "pointerMove", duration: 0, origin: element, x: 0, y: 0 };
        return await this.pointer(
          there,
          { type: "pointerDown", button: 0 },
          { type: "pointerUp", button: 0 },
        );
      } catch (error) {
        const hidden = error instanceof WebDriverError && error.code === "element not interactable";
        if (!hidden || Date.now() > deadline) throw error;
        // Controls that have faded come back when the pointer moves.
        await this.pointer({
          type: "pointerMove",
          duration: 0,
          origin: "viewport",
          x: 200 + (step % 2),
          y: 200,
        });
      }
    }
  }

  private async pointer(...actions: object[]): Promise<void> {
    const mouse = { type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions };
    await this.send("POST", "actions", { actions: [mouse] });
  }

  /** Replaces the content of the field that `find` returns. */
  async fill(what: string, text: string, find: string, ...args: unknown[]): Promise<void> {
    const element = await this.until<Record<string, string>>(`there is ${what}`, find, ...args);
    await this.send("POST", `element/${element[ELEMENT]}/clear`, {});
    await this.send("POST", `element/${element[ELEMENT]}/value`, { text });
  }

  async resize(width: number, height: number): Promise<void> {
    await this.send("POST", "window/rect", { width, height });
  }

  /** The process of the program itself. */
  async programPid(): Promise<number> {
    const children = await readFile(`/proc/${this.driver.pid}/task/${this.driver.pid}/children`, "utf8");
    const [pid] = children.trim().split(" ").map(Number);
    if (pid === undefined || !(pid > 0)) throw new Error("the program does not run");
    return pid;
  }

  async programEnds(pid: number): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (await isRunning(pid)) {
      if (Date.now() > deadline) throw new Error("the program does not end");
      await new Promise((then) => setTimeout(then, 20));
    }
  }

  reload(): Promise<unknown> {
    return this.send("POST", "refresh", {});
  }

  /** Ends the program as a crash does, and the driver. */
  async stop(): Promise<void> {
    if (this.driver.exitCode !== null || this.driver.signalCode !== null) return;
    await this.send("DELETE", "").catch(() => {
      // The program may have ended by itself; that is what is wanted.
    });
    const gone = once(this.driver, "exit");
    this.driver.kill();
    await gone;
  }

  send(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<unknown> {
    return call(path === "" ? this.session : `${this.session}/${path}`, method, body);
  }
}

async function call(url: string, method: string, body?: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method,
    // A program that hangs is told by what was asked of it, not by the test's own limit.
    signal: AbortSignal.timeout(2 * PATIENCE),
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const { value } = (await response.json()) as { value: unknown };
  if (response.ok) return value;
  const { error, message } = value as { error: string; message: string };
  throw new WebDriverError(error, message);
}

/** A zombie has ended: the driver has only not looked yet. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}

async function listening(address: string): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      await fetch(`${address}/status`);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((then) => setTimeout(then, 20));
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

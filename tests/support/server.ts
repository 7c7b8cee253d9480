/** The real server binary: started, killed without a word, started again at the same address. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export const BINARY =
  process.env.SNUG_SERVER_BIN ?? new URL("../../target/debug/snug-server", import.meta.url).pathname;

export class Server {
  private constructor(
    private child: ChildProcess,
    /** `http://127.0.0.1:PORT` */
    readonly url: string,
    private readonly options: readonly string[],
  ) {}

  private readonly log: string[] = [];

  /** All that the server has logged so far. */
  get output(): string {
    return this.log.join("");
  }

  static async start(...options: string[]): Promise<Server> {
    const { child, url } = await launch("127.0.0.1:0", options);
    const server = new Server(child, url, options);
    server.listen();
    return server;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** As a crash does it: nobody is told, nothing is kept. */
  async kill(): Promise<void> {
    await end(this.child, "SIGKILL");
  }

  /** A fresh process, with no memory, where the old one was: once nobody's own connection has that port by chance. */
  async restart(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.child = (await launch(`127.0.0.1:${this.port}`, this.options)).child;
        break;
      } catch (error) {
        if (attempt === 50 || !/in use/i.test(String(error))) throw error;
      }
    }
    this.listen();
  }

  async stop(): Promise<void> {
    await end(this.child, "SIGTERM");
  }

  private listen(): void {
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.log.push(text);
      if (process.env.SNUG_TEST_LOGS) process.stderr.write(text);
    });
  }
}

async function launch(
  listen: string,
  options: readonly string[],
): Promise<{ child: ChildProcess; url: string }> {
  // A server that is started again at its port is not to take the usual one of TURN, which another may hold.
  const turn = options.some((option) => /^--(no-turn|turn-(listen|url))/.test(option))
    ? []
    : ["--turn-listen", "127.0.0.1:0"];
  const child = spawn(BINARY, ["--listen", listen, ...turn, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const failed = once(child, "error").then(([error]) => {
    throw error;
  });
  let complaint = "";
  const listening = (text: Buffer) => {
    complaint += text;
  };
  child.stderr.on("data", listening);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, "line"),
    failed,
    once(child, "close").then(() => [""]),
  ])) as [string];
  child.stderr.off("data", listening);
  const url = /^listening on (http:\/\/\S+)$/.exec(line)?.[1];
  if (url === undefined)
    throw new Error(`the server said ${JSON.stringify(line)} instead of its address: ${complaint}`);
  return { child, url };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

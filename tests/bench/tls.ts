/** What TLS adds to a connection: the server's CPU time for one with a small request, in clear, new, and resumed. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { cpuSeconds } from "./procs.ts";
import { median, table } from "./report.ts";

const SNUG = process.env.SNUG_SERVER_BIN ?? "target/release/snug-server";
const ROUNDS = 5;
const CONNECTIONS = 1000;

interface Server {
  readonly pid: number;
  readonly port: number;
  readonly stop: () => void;
}

export async function tls(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "snug-bench-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const output = ["-keyout", key, "-out", certificate, "-subj", "/CN=localhost"];
  execFileSync("openssl", ["req", "-x509", ...curve, ...output], { stdio: "ignore" });
  const servers: Server[] = [];
  try {
    const plain = await start(servers);
    const sealed = await start(servers, "--tls-cert", certificate, "--tls-key", key);
    const options = {
      port: sealed.port,
      host: "127.0.0.1",
      ca: readFileSync(certificate),
      servername: "localhost",
    };
    let session: Buffer | undefined;
    const open = (resumed: boolean) => {
      const socket = connectTls({ ...options, ...(resumed && session && { session }) });
      socket.on("session", (ticket) => {
        session = ticket;
      });
      return socket;
    };
    const kinds = [
      { title: "in clear", server: plain, open: () => connectPlain(plain.port, "127.0.0.1") },
      { title: "TLS 1.3, new", server: sealed, open: () => open(false) },
      { title: "TLS 1.3, resumed", server: sealed, open: () => open(true) },
    ];
    const results = kinds.map(() => [] as number[]);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, { server, open }] of kinds.entries()) {
        const before = cpuSeconds(server.pid);
        for (let count = 0; count < CONNECTIONS; count++) await visit(open(), index === 2);
        results[index]?.push(((cpuSeconds(server.pid) - before) / CONNECTIONS) * 1e6);
      }
    }
    const medians = results.map(median);
    table(
      `TLS: a connection and a small request, the server's CPU, median of ${ROUNDS} rounds of ${CONNECTIONS}`,
      ["", "µs", "ratio"],
      kinds.map(({ title }, index) => {
        const value = medians[index] ?? Number.NaN;
        return [title, value.toFixed(0), (value / (medians[0] ?? Number.NaN)).toFixed(2)];
      }),
    );
  } finally {
    for (const server of servers) server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function visit(socket: Socket | TLSSocket, resumes: boolean): Promise<void> {
  socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  let reused = false;
  socket.once("secureConnect", () => {
    reused = (socket as TLSSocket).isSessionReused();
  });
  await once(socket, "close");
  if (!answer.startsWith("HTTP/1.1 200")) throw new Error(`the server said ${JSON.stringify(answer)}`);
  if (resumes && !reused) throw new Error("the session was not resumed");
}

async function start(servers: Server[], ...options: string[]): Promise<Server> {
  const child = spawn(SNUG, ["--listen", "127.0.0.1:0", "--no-turn", "--no-limits", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, RUST_LOG: "error" },
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /:(\d+)$/.exec(line)?.[1];
    if (port === undefined || child.pid === undefined) break;
    const server = { pid: child.pid, port: Number(port), stop: () => void child.kill("SIGKILL") };
    servers.push(server);
    return server;
  }
  throw new Error("the server did not start");
}

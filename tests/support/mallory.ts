/**
 * A server that means harm: it stands before a real one, sees every frame in both directions, and may change, drop, keep,
 * repeat and invent them. Pages get their files through it too.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

export type Frame = Record<string, unknown> & { type: string };
/** What becomes of a frame: nothing, itself, or whatever else. */
export type Trick = (frame: Frame, victim: Victim) => readonly Frame[];

const honest: Trick = (frame) => [frame];

/** One client's connection. */
export class Victim {
  /** All that it said, and all that it was told. */
  readonly said: Frame[] = [];
  readonly told: Frame[] = [];
  peerId = "";
  /** Counted messages that it was told and the real server does not know of. */
  private invented = 0;

  constructor(
    private readonly near: WebSocket,
    private readonly far: WebSocket,
    readonly nth: number,
  ) {}

  /** To the client, as if the server said it. */
  tell(frame: Frame, counted = true): void {
    if (counted) this.invented += 1;
    this.hand(frame);
  }

  /** To the server, as if the client said it. */
  ask(frame: Frame): void {
    // An acknowledgement of what was invented would surprise the real server.
    if (frame.type === "ping") frame = { ...frame, seq: Math.max(0, Number(frame.seq) - this.invented) };
    if (this.far.readyState === WebSocket.OPEN) this.far.send(JSON.stringify(frame));
  }

  hand(frame: Frame): void {
    if (frame.type === "joined") this.peerId = String(frame.peerId);
    this.told.push(frame);
    if (this.near.readyState === WebSocket.OPEN) this.near.send(JSON.stringify(frame));
  }

  /** What it sent to a seat, sealed or not. */
  saidTo(peerId: string): Frame[] {
    return this.said.filter(({ to }) => to === peerId);
  }
}

export class Mallory {
  /** In the order of their coming. */
  readonly victims: Victim[] = [];
  toServer: Trick = honest;
  toClient: Trick = honest;

  private constructor(
    private readonly listener: Server,
    private readonly port: number,
    /** `http://127.0.0.1:PORT`, as if the server were there. */
    readonly url: string,
  ) {
    const sockets = new WebSocketServer({ noServer: true });
    listener.on("upgrade", (message, socket, head) => {
      sockets.handleUpgrade(message, socket, head, (near) => this.meet(near));
    });
  }

  static async before(port: number): Promise<Mallory> {
    const listener = createServer((message, answer) => fetchFrom(port, message, answer));
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const address = listener.address();
    if (address === null || typeof address === "string") throw new Error("mallory has no port");
    return new Mallory(listener, port, `http://127.0.0.1:${address.port}`);
  }

  /** The link of the same room, as if this were its server. */
  lure(link: string): string {
    return this.url + link.slice(new URL(link).origin.length);
  }

  behave(): void {
    this.toServer = honest;
    this.toClient = honest;
  }

  victim(nth: number): Victim {
    const victim = this.victims[nth];
    if (victim === undefined) throw new Error(`nobody came as number ${nth}`);
    return victim;
  }

  close(): void {
    this.listener.closeAllConnections();
    this.listener.close();
  }

  private meet(near: WebSocket): void {
    const far = new WebSocket(`ws://127.0.0.1:${this.port}/ws`);
    const victim = new Victim(near, far, this.victims.length);
    this.victims.push(victim);
    const early: Frame[] = [];
    near.on("message", (data) => {
      const frame = JSON.parse(String(data)) as Frame;
      victim.said.push(frame);
      for (const next of this.toServer(frame, victim)) {
        if (far.readyState === WebSocket.OPEN) victim.ask(next);
        else early.push(next);
      }
    });
    far.on("open", () => {
      for (const frame of early.splice(0)) victim.ask(frame);
    });
    far.on("message", (data) => {
      for (const frame of this.toClient(JSON.parse(String(data)) as Frame, victim)) victim.hand(frame);
    });
    // Codes that a socket may not send itself are those of a broken one.
    far.on("close", (code) => (code === 1005 || code === 1006 ? near.terminate() : near.close(code)));
    near.on("close", () => far.close());
    for (const socket of [near, far]) socket.on("error", () => socket.terminate());
  }
}

function fetchFrom(port: number, message: IncomingMessage, answer: ServerResponse): void {
  const { method = "GET", url: path = "/", headers } = message;
  const asked = request({ host: "127.0.0.1", port, method, path, headers }, (found) => {
    answer.writeHead(found.statusCode ?? 502, found.headers);
    found.pipe(answer);
  });
  asked.on("error", () => answer.destroy());
  message.pipe(asked);
}

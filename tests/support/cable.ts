/** A TCP cable between one client and the server, which can be pulled out and plugged in again. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export class Cable {
  private readonly sockets = new Set<Socket>();
  private plugged = true;

  private constructor(
    private readonly listener: Server,
    /** `http://127.0.0.1:PORT`, as if the server were there. */
    readonly url: string,
  ) {}

  static async to(port: number): Promise<Cable> {
    const listener = createServer();
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const address = listener.address();
    if (address === null || typeof address === "string") throw new Error("the cable has no port");
    const cable = new Cable(listener, `http://127.0.0.1:${address.port}`);
    listener.on("connection", (near) => cable.join(near, port));
    return cable;
  }

  /** Everything that is open breaks, and nothing new gets through. */
  pull(): void {
    this.plugged = false;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  plug(): void {
    this.plugged = true;
  }

  close(): void {
    this.pull();
    this.listener.close();
  }

  private join(near: Socket, port: number): void {
    if (!this.plugged) {
      near.on("error", () => {});
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one);
      one.pipe(other);
      // A broken end breaks the other one; what broke it is the test's own doing.
      one.on("error", () => {});
      one.on("close", () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}

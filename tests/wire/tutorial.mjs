import { once } from "node:events";
import WebSocket from "ws";

/** The eight messages of every WebRTC tutorial. Any other type would be news to a client of that kind. */
const KNOWN = new Set(["joined", "offer", "answer", "candidate", "peer-joined", "peer-left"]);

/** A plain client: it knows eight messages, ignores all others, and never sends an `id`. */
export class TutorialClient {
  #socket;
  #inbox = [];
  #waiting = [];
  closed;

  static async open(url) {
    const socket = new WebSocket(url);
    const client = new TutorialClient(socket);
    await once(socket, "open");
    return client;
  }

  constructor(socket) {
    this.#socket = socket;
    this.closed = once(socket, "close").then(([code]) => code);
    socket.on("message", (data) => {
      const message = JSON.parse(data.toString());
      if (!KNOWN.has(message.type)) return;
      const waiting = this.#waiting.shift();
      if (waiting) waiting(message);
      else this.#inbox.push(message);
    });
  }

  send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  /** The next message of a known type, in the order of arrival. */
  async next() {
    const message = this.#inbox.shift();
    if (message) return message;
    const late = AbortSignal.timeout(5000);
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      late.addEventListener("abort", () => reject(new Error("no message came")));
    });
  }

  async join(roomId) {
    this.send({ type: "join", roomId });
    return this.next();
  }

  leave() {
    this.send({ type: "leave" });
  }

  close() {
    this.#socket.close();
  }
}

/**
 * The post office of a sealed room: opens what comes and seals what goes, each way in the order it was given. It decides
 * nothing: what a letter is worth, and whom to write to, is the core's business.
 */
import type { Aside } from "../core/call";
import type { RoomKey, SignalingSession } from "../core/ports";
import type { Header } from "../core/seal/envelope";
import type { SessionEvent } from "../generated/SessionEvent";

export interface PostParts {
  readonly key: RoomKey;
  /** Of the certificate that all our links use. */
  readonly fingerprint: string;
  /** The peerId of our present seat; null while there is none. */
  seat(): string | null;
  /** An event of the session, with what was found out about it. */
  deliver(event: SessionEvent, aside: Aside | null): void;
}

interface Written {
  readonly session: SignalingSession;
  readonly header: Header;
  readonly text: string;
}

/** A server that sends faster than letters can be opened is not waited for: what is past this is lost, and missed. */
const MAX_WAITING = 4_096;
/**
 * Letters that the server has not answered yet. A session refuses what its outbox has no room for, and whoever comes to a
 * large room has much to say at once; a letter that is refused would be missed, and held against the server.
 */
const MOST_UNDERWAY = 64;
/** Letters that wait for their turn; past it something is wrong with us, and not with the server. */
const MOST_WRITTEN = 4_096;

export class Post {
  private incoming: Promise<void> = Promise.resolve();
  private outgoing: Promise<void> = Promise.resolve();
  private waiting = 0;
  private readonly written: Written[] = [];
  private underway = 0;

  constructor(private readonly parts: PostParts) {}

  take(event: SessionEvent): void {
    this.answered(event);
    if (event.type === "message" && this.waiting >= MAX_WAITING) return;
    this.waiting += 1;
    this.incoming = this.incoming.then(async () => {
      this.waiting -= 1;
      try {
        const { event: read, aside } = await this.read(event);
        this.parts.deliver(read, aside);
      } catch (error) {
        // The room goes on without this one.
        console.error("a message could not be read", error);
      }
    });
  }

  send(session: SignalingSession, header: Header, text: string): void {
    if (this.written.length >= MOST_WRITTEN) {
      console.error("too many letters wait to be sent");
      return;
    }
    this.written.push({ session, header, text });
    this.hurry();
  }

  private hurry(): void {
    while (this.underway < MOST_UNDERWAY) {
      const letter = this.written.shift();
      if (letter === undefined) return;
      this.underway += 1;
      this.outgoing = this.outgoing.then(() => this.dispatch(letter));
    }
  }

  private async dispatch({ session, header, text }: Written): Promise<void> {
    try {
      session.send({ type: "message", data: await this.parts.key.seal(header, text), to: header.to });
    } catch (error) {
      console.error("a letter could not be sealed", error);
    }
  }

  private answered(event: SessionEvent): void {
    if (event.type === "settled") this.underway = Math.max(0, this.underway - 1);
    // The session sorts out by itself what is still open then.
    else if (event.type === "joined" || event.type === "resumed") this.underway = 0;
    else return;
    this.hurry();
  }

  private async read(event: SessionEvent): Promise<{ event: SessionEvent; aside: Aside | null }> {
    const { key, fingerprint } = this.parts;
    if (event.type === "joined") {
      const seat = { ...(await key.newSession()), peerId: event.joined.peerId, fingerprint };
      return { event, aside: { is: "seat", seat } };
    }
    if (event.type !== "message") return { event, aside: null };
    const { message } = event;
    if (message.type === "message") {
      const to = this.parts.seat();
      const opened = to === null ? null : await key.unseal(message.from, to, message.data);
      return { event, aside: { is: "opened", opened } };
    }
    if (message.type === "knock" && message.name !== undefined) {
      const name = (await key.unsealName(message.name)) ?? message.name;
      return { event: { type: "message", message: { ...message, name } }, aside: null };
    }
    return { event, aside: null };
  }
}

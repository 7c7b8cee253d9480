/** Sealed rooms without sockets and without real cryptography, for tests: what is sealed here cannot be forged by them. */
import { createHash } from "node:crypto";
import type { MediaKind } from "../../generated/MediaKind";
import { toHex } from "../bytes";
import type { LinkSignal } from "../signal";
import type { Opened } from "./channel";
import { associated, type Header, readEnvelope, writeEnvelope } from "./envelope";
import { writeLetter } from "./letter";
import {
  hear,
  meet,
  type News,
  part,
  type SealEffect,
  type SealedRoom,
  signalTo,
  sit,
  tellState,
} from "./room";

/** A sealed message, as a server holds it. */
export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly data: unknown;
}

export class Member {
  room: SealedRoom;
  readonly news: News[] = [];
  muted: readonly MediaKind[] = [];

  constructor(
    readonly name: string,
    readonly world: World,
    others: readonly string[],
    readonly fingerprint = sha256(`certificate of ${name}`),
  ) {
    this.room = this.take(world.newSeat(), others);
  }

  get seat(): string {
    return this.room.own.peerId;
  }

  /** A fresh seat, by the server's will. */
  take(peerId: string, others: readonly string[]): SealedRoom {
    const nonce = this.world.newSession();
    const own = {
      peerId,
      s: this.world.newSession(),
      nonce,
      commit: sha256(writeLetter({ type: "reveal", nonce })),
      fingerprint: this.fingerprint,
    };
    const [room, effects] = sit(
      own,
      this.name,
      others.map((seat) => ({ peerId: seat, away: false })),
      this.room?.alarms ?? [],
      0,
    );
    this.room = room;
    this.perform(effects);
    return room;
  }

  meets(seat: string): void {
    this.step(meet(this.room, { peerId: seat, away: false }, false, 0));
  }

  parts(seat: string): void {
    this.step(part(this.room, seat));
  }

  mutes(...muted: MediaKind[]): void {
    this.muted = muted;
    this.step(tellState(this.room, muted));
  }

  signals(seat: string, word: string): void {
    this.step(signalTo(this.room, seat, this.signal(word)));
  }

  signal(word: string, fingerprint = this.fingerprint): LinkSignal {
    return {
      kind: "offer",
      sdp: `s=${word}\r\na=fingerprint:sha-256 ${fingerprint}\r\n`,
      pc: null,
      to: null,
    };
  }

  hears(from: string, data: unknown): void {
    const [room, effects, news] = hear(
      this.room,
      from,
      data,
      this.world.open(from, this.seat, data),
      this.muted,
    );
    this.room = room;
    if (news !== null) this.news.push(news);
    this.perform(effects);
  }

  trust(): Record<string, string> {
    return Object.fromEntries(this.room.channels.map(({ seat, trust }) => [seat, trust]));
  }

  private step([room, effects]: readonly [SealedRoom, readonly SealEffect[]]): void {
    this.room = room;
    this.perform(effects);
  }

  private perform(effects: readonly SealEffect[]): void {
    for (const effect of effects) if (effect.do === "seal") this.world.post(effect.header, effect.text);
  }
}

export class World {
  /** All that was ever sent, in order. */
  readonly sent: Sent[] = [];
  readonly members: Member[] = [];
  private delivered = 0;
  private seats = 0;
  private sessions = 0;

  newSeat(): string {
    this.seats += 1;
    return `seat${this.seats}`;
  }

  newSession(): string {
    this.sessions += 1;
    return this.sessions.toString(36).padStart(22, "x");
  }

  join(name: string): Member {
    const before = this.members.map(({ seat }) => seat);
    const member = new Member(name, this, before);
    for (const other of this.members) other.meets(member.seat);
    this.members.push(member);
    return member;
  }

  leave(member: Member): void {
    this.members.splice(this.members.indexOf(member), 1);
    for (const other of this.members) other.parts(member.seat);
  }

  post(header: Header, text: string): void {
    const bound = toHex(associated(header));
    const body = new TextEncoder().encode(JSON.stringify({ bound, text }));
    this.sent.push({ from: header.from, to: header.to, data: writeEnvelope(header, body) });
  }

  open(from: string, to: string, data: unknown): Opened | null {
    const envelope = readEnvelope(data);
    if (envelope === null) return null;
    try {
      const { bound, text } = JSON.parse(new TextDecoder().decode(envelope.body));
      return bound === toHex(associated({ ...envelope, from, to })) ? { text, digest: sha256(text) } : null;
    } catch {
      return null;
    }
  }

  /** As an honest server does it: all that is sent arrives, in order, and so does what that leads to. */
  settle(): void {
    for (let next = this.sent[this.delivered]; next !== undefined; next = this.sent[this.delivered]) {
      this.delivered += 1;
      this.at(next.to)?.hears(next.from, next.data);
    }
  }

  /** What was sent since the last time is in nobody's hands but the caller's. */
  seize(): Sent[] {
    const seized = this.sent.slice(this.delivered);
    this.delivered = this.sent.length;
    return seized;
  }

  at(seat: string): Member | undefined {
    return this.members.find((member) => member.seat === seat);
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * A sealed letter as it travels: `message {to, data: {sealed: Envelope}}`. What stands beside the ciphertext is bound to
 * it as associated data, together with both seats, so that none of it can be changed and no letter means anything
 * between two other seats, in another room, or in another session of the same seats.
 */
import { fromBase64url, toBase64url } from "../bytes";

/** What a letter is bound to. */
export interface Header {
  /** The sender's peerId, as the server tells it. */
  readonly from: string;
  /** The receiver's peerId. */
  readonly to: string;
  /** The sender's session: 128 random bits, base64url, new with each seat. */
  readonly s: string;
  /** The receiver's session; empty in a hello, whose sender does not know it yet. */
  readonly r: string;
  /** The letter's number in its session: 0 for a hello, then 1, 2, 3 towards each receiver's session. */
  readonly n: number;
}

export interface Envelope extends Pick<Header, "s" | "r" | "n"> {
  /** A nonce of 96 random bits, the ciphertext, and the tag of 128 bits. */
  readonly body: Uint8Array;
}

/** The associated data: each text as its length in bytes (32 bits, big-endian) and its UTF-8, then `n` in 64 bits. */
export function associated({ from, to, s, r, n }: Header): Uint8Array {
  const texts = [PURPOSE, from, to, s, r].map((text) => new TextEncoder().encode(text));
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + 4 + text.length, 8));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const text of texts) {
    view.setUint32(at, text.length);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  view.setBigUint64(at, BigInt(n));
  return bytes;
}

export function writeEnvelope({ s, r, n }: Header, body: Uint8Array): { sealed: unknown } {
  return { sealed: { v: VERSION, s, r, n, c: toBase64url(body) } };
}

/** Null for what is no envelope of ours. It says nothing of whether it can be opened. */
export function readEnvelope(data: unknown): Envelope | null {
  if (!isRecord(data) || !isRecord(data.sealed)) return null;
  const { v, s, r, n, c } = data.sealed;
  if (v !== VERSION || typeof s !== "string" || typeof r !== "string" || typeof c !== "string") return null;
  if (!SESSION.test(s) || (r !== "" && !SESSION.test(r))) return null;
  if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 0) return null;
  const body = fromBase64url(c);
  return body === null || body.length < NONCE_BYTES + TAG_BYTES ? null : { s, r, n, body };
}

/** Whether somebody meant it to be a sealed letter at all. */
export function claimsToBeSealed(data: unknown): boolean {
  return isRecord(data) && data.sealed !== undefined;
}

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
/** Of a session's name, and of a nonce of the code. */
export const SESSION_BYTES = 16;

const VERSION = 1;
const PURPOSE = "snug/1/signal";
const SESSION = /^[A-Za-z0-9_-]{22}$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands in a sealed letter, once it is open: JSON, and spaces up to a length that tells little. */
import type { MediaKind } from "../../generated/MediaKind";
import { type LinkSignal, readSignal } from "../signal";

export type Letter =
  | {
      /** The first word, bound to no session of the receiver: it may be an old one, and proves nothing. */
      readonly type: "hello";
      /** SHA-256 of the sender's DTLS certificate, in lower-case hexadecimal. */
      readonly fingerprint: string;
      /** SHA-256 of the text of the sender's `reveal`, in lower-case hexadecimal. */
      readonly commit: string;
    }
  /** The sender's part of the code to compare; said only to who has committed to theirs. */
  | { readonly type: "reveal"; readonly nonce: string }
  | { readonly type: "state"; readonly name: string; readonly muted: readonly MediaKind[] }
  | { readonly type: "signal"; readonly signal: LinkSignal };

/** Spaces are JSON's own padding: a server sees how many times 512 bytes a letter has, and no more. */
export function writeLetter(letter: Letter): string {
  const text = JSON.stringify(letter);
  const bytes = new TextEncoder().encode(text).length;
  return text + " ".repeat(Math.ceil(bytes / PADDING) * PADDING - bytes);
}

/** Null for what is none: whoever has the key may still write anything. */
export function readLetter(text: string): Letter | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  switch (value.type) {
    case "hello": {
      const { fingerprint, commit } = value;
      if (!isDigest(fingerprint) || !isDigest(commit)) return null;
      return { type: "hello", fingerprint, commit };
    }
    case "reveal":
      return typeof value.nonce === "string" && NONCE.test(value.nonce)
        ? { type: "reveal", nonce: value.nonce }
        : null;
    case "state":
      return typeof value.name === "string" && Array.isArray(value.muted)
        ? { type: "state", name: [...value.name].slice(0, MAX_NAME).join(""), muted: kindsIn(value.muted) }
        : null;
    case "signal": {
      const signal = readSignal(value.signal);
      return signal === null ? null : { type: "signal", signal };
    }
    default:
      return null;
  }
}

const PADDING = 512;
const MAX_NAME = 64;
const NONCE = /^[A-Za-z0-9_-]{22}$/;
const KINDS: readonly MediaKind[] = ["audio", "video", "screen"];

function kindsIn(list: readonly unknown[]): readonly MediaKind[] {
  return KINDS.filter((kind) => list.includes(kind));
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

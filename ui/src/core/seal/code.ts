/**
 * The code to compare: the same on every screen of a room where nobody stands between two of its people. It covers the
 * room's key and, for everybody present, the certificate of the media and a number that was committed to before the other
 * side's was known. Each link is checked against those certificates, so the code covers every pair of them.
 */

export interface RoomCode {
  /** Six of `PICTURES`, which have a drawing and a word in every language. */
  readonly pictures: readonly Picture[];
  /** Six digits, for those who compare in writing. */
  readonly digits: string;
}

/** One of those present. */
export interface Present {
  /** 64 hexadecimal digits. */
  readonly fingerprint: string;
  /** 22 letters of base64url. */
  readonly nonce: string;
}

/** What the code is made of, in an order that is everybody's. Two texts are equal when the codes have to be. */
export function gather(present: readonly Present[]): string {
  return [...new Set(present.map(({ fingerprint, nonce }) => `${fingerprint}.${nonce}`))].sort().join("\n");
}

/** From the 16 bytes that the room's key makes of the gathered text; 56 bits of them are shown. */
export function codeOf(bytes: Uint8Array): RoomCode {
  const pictures = Array.from(
    { length: 6 },
    (_, i) => PICTURES[(bytes[i] ?? 0) % PICTURES.length] ?? "anchor",
  );
  const number = bytes.subarray(6, 14).reduce((sum, byte) => (sum * 256n + BigInt(byte)) % 1_000_000n, 0n);
  return { pictures, digits: String(number).padStart(6, "0") };
}

/** Things that are told apart at a glance and have a short name. The order is part of the format. */
export const PICTURES = [
  "anchor",
  "apple",
  "axe",
  "banana",
  "bed",
  "bell",
  "bike",
  "bird",
  "bone",
  "book",
  "bug",
  "bus",
  "cake",
  "camera",
  "carrot",
  "cat",
  "cherry",
  "clock",
  "cloud",
  "clover",
  "coffee",
  "compass",
  "cookie",
  "crown",
  "diamond",
  "dice",
  "dog",
  "drum",
  "egg",
  "eye",
  "feather",
  "fish",
  "flag",
  "flame",
  "flower",
  "gift",
  "glasses",
  "grapes",
  "guitar",
  "hammer",
  "heart",
  "key",
  "lamp",
  "leaf",
  "magnet",
  "moon",
  "mountain",
  "pencil",
  "piano",
  "plane",
  "rabbit",
  "rocket",
  "scissors",
  "shell",
  "ship",
  "shirt",
  "snail",
  "snowflake",
  "star",
  "sun",
  "tent",
  "tree",
  "turtle",
  "umbrella",
] as const;

export type Picture = (typeof PICTURES)[number];

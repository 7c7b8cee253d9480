/**
 * A name for the door. Who knocks has no seat yet and can send nothing but the join itself, so the name in it is sealed
 * under the room's key. It is bound to nothing else: the server could show an old one again, to whoever answers the door.
 */
import { fromBase64url, toBase64url } from "../bytes";
import { NONCE_BYTES, TAG_BYTES } from "./envelope";

/** Always as long, whatever the name; a longer one is cut between two characters. */
export function padName(name: string): string {
  let text = "";
  let bytes = 0;
  for (const character of name) {
    bytes += new TextEncoder().encode(character).length;
    if (bytes > NAME_BYTES) break;
    text += character;
  }
  return text + " ".repeat(NAME_BYTES - new TextEncoder().encode(text).length);
}

export function unpadName(text: string): string {
  return text.trim();
}

export function writeName(body: Uint8Array): string {
  return MARK + toBase64url(body);
}

/** Null for a name in clear. */
export function readName(name: string): Uint8Array | null {
  if (!name.startsWith(MARK)) return null;
  const body = fromBase64url(name.slice(MARK.length));
  return body === null || body.length !== NONCE_BYTES + NAME_BYTES + TAG_BYTES ? null : body;
}

/** The associated data of a name. */
export const NAME_PURPOSE = "snug/1/name";

const MARK = "sealed:";
/** A join's name has room for 128 characters. */
const NAME_BYTES = 60;

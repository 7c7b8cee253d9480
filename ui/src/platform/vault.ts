/** The keys of rooms, by the browser's own cryptography. */

import { fromBase64url, toBase64url, toHex } from "../core/bytes";
import type { RoomKey, Vault } from "../core/ports";
import type { Opened } from "../core/seal/channel";
import { NAME_PURPOSE, padName, readName, unpadName, writeName } from "../core/seal/door";
import {
  associated,
  type Header,
  NONCE_BYTES,
  readEnvelope,
  SESSION_BYTES,
  writeEnvelope,
} from "../core/seal/envelope";
import { writeLetter } from "../core/seal/letter";

/** Null on a page that may not use it (W3C Secure Contexts). */
export function webVault(): Vault | null {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  return subtle === undefined ? null : { open: (secret, roomId) => WebRoomKey.of(subtle, secret, roomId) };
}

/** Of HKDF (RFC 5869). The salt is the room's id. */
const SIGNAL = "snug/1/signal";
const CODE = "snug/1/code";
/** So that nobody who holds the link can search for certificates that give two screens one code while a call lasts. */
const CODE_ROUNDS = 200_000;

class WebRoomKey implements RoomKey {
  private constructor(
    private readonly subtle: SubtleCrypto,
    private readonly signalKey: CryptoKey,
    private readonly codeKey: CryptoKey,
  ) {}

  static async of(subtle: SubtleCrypto, secret: string, roomId: string): Promise<RoomKey> {
    const bytes = fromBase64url(secret);
    if (bytes === null) throw new Error("the link's secret cannot be read");
    const base = await subtle.importKey("raw", buffer(bytes), "HKDF", false, ["deriveKey", "deriveBits"]);
    const from = (info: string) => ({ name: "HKDF", hash: "SHA-256", salt: utf8(roomId), info: utf8(info) });
    const [signalKey, code] = await Promise.all([
      subtle.deriveKey(from(SIGNAL), base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]),
      subtle.deriveBits(from(CODE), base, 256),
    ]);
    const codeKey = await subtle.importKey("raw", code, "PBKDF2", false, ["deriveBits"]);
    return new WebRoomKey(subtle, signalKey, codeKey);
  }

  async newSession(): Promise<{ s: string; nonce: string; commit: string }> {
    const nonce = toBase64url(random(SESSION_BYTES));
    const commit = await this.digest(utf8(writeLetter({ type: "reveal", nonce })));
    return { s: toBase64url(random(SESSION_BYTES)), nonce, commit };
  }

  async seal(header: Header, text: string): Promise<unknown> {
    return writeEnvelope(header, await this.encrypt(utf8(text), associated(header)));
  }

  async unseal(from: string, to: string, data: unknown): Promise<Opened | null> {
    const envelope = readEnvelope(data);
    if (envelope === null) return null;
    const plain = await this.decrypt(envelope.body, associated({ ...envelope, from, to }));
    if (plain === null) return null;
    return { text: new TextDecoder().decode(plain), digest: await this.digest(plain) };
  }

  async sealName(name: string): Promise<string> {
    return writeName(await this.encrypt(utf8(padName(name)), utf8(NAME_PURPOSE)));
  }

  async unsealName(name: string): Promise<string | null> {
    const body = readName(name);
    const plain = body === null ? null : await this.decrypt(body, utf8(NAME_PURPOSE));
    return plain === null ? null : unpadName(new TextDecoder().decode(plain));
  }

  async makeCode(gathered: string): Promise<Uint8Array> {
    const salt = await this.subtle.digest("SHA-256", utf8(gathered));
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: CODE_ROUNDS };
    return new Uint8Array(await this.subtle.deriveBits(how, this.codeKey, 128));
  }

  /** Everybody in the room uses the same key, so nonces are random: 96 bits of them do not meet again in a room's life. */
  private async encrypt(plain: Uint8Array<ArrayBuffer>, additionalData: Uint8Array): Promise<Uint8Array> {
    const iv = random(NONCE_BYTES);
    const how = { name: "AES-GCM", iv, additionalData: buffer(additionalData) };
    const sealed = new Uint8Array(await this.subtle.encrypt(how, this.signalKey, plain));
    const body = new Uint8Array(iv.length + sealed.length);
    body.set(iv);
    body.set(sealed, iv.length);
    return body;
  }

  private async decrypt(
    body: Uint8Array,
    additionalData: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const iv = buffer(body.subarray(0, NONCE_BYTES));
    const how = { name: "AES-GCM", iv, additionalData: buffer(additionalData) };
    try {
      const sealed = buffer(body.subarray(NONCE_BYTES));
      return new Uint8Array(await this.subtle.decrypt(how, this.signalKey, sealed));
    } catch {
      // The one thing that decrypting says: this is not what was sealed. The room's alarms tell of it.
      return null;
    }
  }

  private async digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    return toHex(new Uint8Array(await this.subtle.digest("SHA-256", bytes)));
  }
}

function random(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return buffer(new TextEncoder().encode(text));
}

/** The types tell arrays that may be shared between threads from those that may not; none here is shared. */
function buffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

// What a key frame tells of its size, from the part of it that ciphers leave in clear.
import { Codec } from "./frame";

/** Undefined where the codec does not tell it in so few bytes. */
export function sizeOf(codec: number, data: Uint8Array): { width: number; height: number } | undefined {
  // RFC 6386, 9.1.
  if (codec !== Codec.Vp8 || data.byteLength < 10) return undefined;
  const view = new DataView(data.buffer, data.byteOffset);
  if (view.getUint8(3) !== 0x9d || view.getUint8(4) !== 0x01 || view.getUint8(5) !== 0x2a) return undefined;
  return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff };
}

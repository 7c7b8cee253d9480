// The 24-byte header of the loopback socket's binary messages.

export const HEADER_BYTES = 24;

export const FrameKind = {
  VideoOut: 1,
  AudioOut: 2,
  VideoIn: 3,
  AudioIn: 4,
  DataOut: 5,
  DataIn: 6,
  AudioToPlay: 8,
  /** Voices to be transformed, before they are sent and before they are decoded; the latter's way back. */
  VoiceOut: 9,
  VoiceIn: 10,
  VoiceBack: 11,
} as const;
export const Codec = { None: 0, Vp8: 1, Opus: 2, Vp9: 4, H264: 5, Pcmu: 6, Pcma: 7 } as const;

const KEY = 1;
const TEXT = 2;
const GAP = 4;

export interface FrameHeader {
  /** One of FrameKind; a parsed message may carry another number. */
  kind: number;
  codec: number;
  /** A key frame. */
  key: boolean;
  /** A text message of a data channel. */
  text: boolean;
  /** Something was lost before this frame. */
  gap: boolean;
  /** The layer of a simulcast (video to send), or 0. */
  layer: number;
  pc: number;
  /** The transceiver, or the channel. */
  id: number;
  /** Microseconds. */
  timestamp: number;
  /** Microseconds, or 0; the SSRC of a received picture, the RTP time of a received voice to transform. */
  duration: number;
}

export interface Frame extends FrameHeader {
  /** A view into the message. */
  payload: Uint8Array<ArrayBuffer>;
}

/** A message with room for `length` bytes of payload behind the header. */
export function allocate(length: number, header: FrameHeader): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(HEADER_BYTES + length);
  const view = new DataView(message.buffer);
  view.setUint8(0, header.kind);
  view.setUint8(1, (header.key ? KEY : 0) | (header.text ? TEXT : 0) | (header.gap ? GAP : 0));
  view.setUint8(2, header.codec);
  readdress(message, header.pc, header.id, header.layer);
  view.setBigInt64(12, BigInt(Math.round(header.timestamp)), true);
  view.setUint32(20, header.duration, true);
  return message;
}

/** Turns a message to another receiver, so that one encoded frame serves many. */
export function readdress(message: Uint8Array<ArrayBuffer>, pc: number, id: number, layer: number): void {
  const view = new DataView(message.buffer, message.byteOffset);
  view.setUint8(3, layer);
  view.setUint32(4, pc, true);
  view.setUint32(8, id, true);
}

/** Reads a message; undefined if it is too short to be one. */
export function parse(message: ArrayBuffer): Frame | undefined {
  if (message.byteLength < HEADER_BYTES) return undefined;
  const view = new DataView(message);
  const flags = view.getUint8(1);
  return {
    kind: view.getUint8(0),
    codec: view.getUint8(2),
    key: (flags & KEY) !== 0,
    text: (flags & TEXT) !== 0,
    gap: (flags & GAP) !== 0,
    layer: view.getUint8(3),
    pc: view.getUint32(4, true),
    id: view.getUint32(8, true),
    timestamp: Number(view.getBigInt64(12, true)),
    duration: view.getUint32(20, true),
    payload: new Uint8Array(message, HEADER_BYTES),
  };
}

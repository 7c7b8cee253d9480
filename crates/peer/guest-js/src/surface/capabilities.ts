// What this end can encode and decode.
import type { Kind } from "../wire";

const CAPABILITIES: Record<Kind, RTCRtpCapabilities> = {
  audio: {
    codecs: [
      { mimeType: "audio/opus", clockRate: 48_000, channels: 2, sdpFmtpLine: "minptime=10;useinbandfec=1" },
    ],
    headerExtensions: [],
  },
  video: { codecs: [{ mimeType: "video/VP8", clockRate: 90_000 }], headerExtensions: [] },
};

export function capabilities(kind: string): RTCRtpCapabilities | null {
  return kind === "audio" || kind === "video" ? structuredClone(CAPABILITIES[kind]) : null;
}

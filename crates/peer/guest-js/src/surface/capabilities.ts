// What this end can encode and decode.
import type { Kind } from "../wire";

const MID = { uri: "urn:ietf:params:rtp-hdrext:sdes:mid" };
const TRANSPORT_CC = {
  uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
};

const CAPABILITIES: Record<Kind, RTCRtpCapabilities> = {
  audio: {
    codecs: [
      { mimeType: "audio/opus", clockRate: 48_000, channels: 2, sdpFmtpLine: "minptime=10;useinbandfec=1" },
      { mimeType: "audio/telephone-event", clockRate: 48_000, channels: 1 },
      { mimeType: "audio/telephone-event", clockRate: 8_000, channels: 1 },
    ],
    headerExtensions: [TRANSPORT_CC, MID],
  },
  video: {
    codecs: [
      { mimeType: "video/VP8", clockRate: 90_000 },
      { mimeType: "video/rtx", clockRate: 90_000 },
    ],
    headerExtensions: [TRANSPORT_CC, MID],
  },
};

export function capabilities(kind: string): RTCRtpCapabilities | null {
  return kind === "audio" || kind === "video" ? structuredClone(CAPABILITIES[kind]) : null;
}

// What this end can encode and decode.
import type { VideoCodecName } from "../wire";

const MID = { uri: "urn:ietf:params:rtp-hdrext:sdes:mid" };
const TRANSPORT_CC = {
  uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
};

const RID = { uri: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" };
const REPAIRED_RID = { uri: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" };

const AUDIO: RTCRtpCapabilities = {
  codecs: [
    { mimeType: "audio/opus", clockRate: 48_000, channels: 2, sdpFmtpLine: "minptime=10;useinbandfec=1" },
    { mimeType: "audio/telephone-event", clockRate: 48_000, channels: 1 },
    { mimeType: "audio/telephone-event", clockRate: 8_000, channels: 1 },
  ],
  headerExtensions: [TRANSPORT_CC, MID],
};

const VIDEO: Record<VideoCodecName, RTCRtpCodec> = {
  VP8: { mimeType: "video/VP8", clockRate: 90_000 },
  VP9: { mimeType: "video/VP9", clockRate: 90_000, sdpFmtpLine: "profile-id=0" },
  H264: {
    mimeType: "video/H264",
    clockRate: 90_000,
    sdpFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
  },
};
const REPAIR: RTCRtpCodec = { mimeType: "video/rtx", clockRate: 90_000 };

let video: VideoCodecName[] = ["VP8"];

/** What the media worker found out. */
export function allowVideo(codecs: VideoCodecName[]): void {
  video = codecs;
}

/** The video that this end can both encode and decode, in the order in which it is offered. */
export function videoCodecs(): VideoCodecName[] {
  return [...video];
}

/** The codec of a MIME type. */
export function videoCodec(mimeType: string | undefined): VideoCodecName | undefined {
  const wanted = mimeType?.toLowerCase();
  return (Object.keys(VIDEO) as VideoCodecName[]).find(
    (name) => VIDEO[name].mimeType.toLowerCase() === wanted,
  );
}

export function capabilities(kind: string): RTCRtpCapabilities | null {
  if (kind === "audio") return structuredClone(AUDIO);
  if (kind !== "video") return null;
  const codecs = [...video.map((name) => VIDEO[name]), REPAIR];
  return structuredClone({ codecs, headerExtensions: [TRANSPORT_CC, MID, RID, REPAIRED_RID] });
}

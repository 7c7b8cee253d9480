// What this end can encode and decode.
import type { AudioCodecName, VideoCodecName } from "../wire";

const MID = { uri: "urn:ietf:params:rtp-hdrext:sdes:mid" };
const TRANSPORT_CC = {
  uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
};

const RID = { uri: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" };
const REPAIRED_RID = { uri: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" };

const AUDIO: Record<AudioCodecName, RTCRtpCodec> = {
  opus: {
    mimeType: "audio/opus",
    clockRate: 48_000,
    channels: 2,
    sdpFmtpLine: "minptime=10;useinbandfec=1",
  },
  PCMU: { mimeType: "audio/PCMU", clockRate: 8_000, channels: 1 },
  PCMA: { mimeType: "audio/PCMA", clockRate: 8_000, channels: 1 },
};
const TONES: RTCRtpCodec[] = [48_000, 8_000].map((clockRate) => ({
  mimeType: "audio/telephone-event",
  clockRate,
  channels: 1,
}));

const VIDEO: Record<VideoCodecName, RTCRtpCodec> = {
  VP8: { mimeType: "video/VP8", clockRate: 90_000 },
  VP9: { mimeType: "video/VP9", clockRate: 90_000, sdpFmtpLine: "profile-id=0" },
  H264: {
    mimeType: "video/H264",
    clockRate: 90_000,
    sdpFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e028",
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
export function codecName(mimeType: string | undefined): VideoCodecName | AudioCodecName | undefined {
  const wanted = mimeType?.toLowerCase();
  return typed({ ...VIDEO, ...AUDIO }).find(([, one]) => one.mimeType.toLowerCase() === wanted)?.[0];
}

const typed = <Name extends string>(of: Record<Name, RTCRtpCodec>) =>
  Object.entries(of) as [Name, RTCRtpCodec][];

export function capabilities(kind: string): RTCRtpCapabilities | null {
  if (kind === "audio")
    return structuredClone({
      codecs: [...Object.values(AUDIO), ...TONES],
      headerExtensions: [TRANSPORT_CC, MID],
    });
  if (kind !== "video") return null;
  const codecs = [...video.map((name) => VIDEO[name]), REPAIR];
  return structuredClone({ codecs, headerExtensions: [TRANSPORT_CC, MID, RID, REPAIRED_RID] });
}

// RTCRtpParameters: what descriptions say of a section, and what a page may change of an encoding.
import type { Kind } from "../wire";
import { capabilities } from "./capabilities";
import { carriesMedia, codec, find } from "./codec";
import { boolean, dictionary, double, enumeration, sequence, string, unsignedLong } from "./idl";

export interface Encoding extends RTCRtpEncodingParameters {
  maxFramerate?: number;
  /** What it is sent with, rather than with what comes first. */
  codec?: RTCRtpCodec;
}

const priority = enumeration<RTCPriorityType>("very-low", "low", "medium", "high");
const encoding = dictionary<Encoding>({
  active: { type: boolean, standard: true },
  codec: { type: codec },
  maxBitrate: { type: unsignedLong },
  maxFramerate: { type: double },
  networkPriority: { type: priority },
  priority: { type: priority },
  rid: { type: string },
  scaleResolutionDownBy: { type: double },
});

const codecParameters = dictionary<RTCRtpCodecParameters>({
  channels: { type: unsignedLong },
  clockRate: { type: unsignedLong, required: true },
  mimeType: { type: string, required: true },
  payloadType: { type: unsignedLong, required: true },
  sdpFmtpLine: { type: string },
});
const headerExtension = dictionary<RTCRtpHeaderExtensionParameters>({
  encrypted: { type: boolean, standard: false },
  id: { type: unsignedLong, required: true },
  uri: { type: string, required: true },
});
const rtcp = dictionary<RTCRtcpParameters>({ cname: { type: string }, reducedSize: { type: boolean } });

export const sendParameters = dictionary<RTCRtpSendParameters>({
  codecs: { type: sequence(codecParameters), required: true },
  degradationPreference: {
    type: enumeration<RTCDegradationPreference>("maintain-framerate", "maintain-resolution", "balanced"),
  },
  encodings: { type: sequence(encoding), required: true },
  headerExtensions: { type: sequence(headerExtension), required: true },
  rtcp: { type: rtcp, required: true },
  transactionId: { type: string, required: true },
});

export const encodings = sequence(encoding);

/** What `setParameters` asks for beyond the parameters (webrtc-extensions). */
export interface SetOptions {
  encodingOptions: { keyFrame: boolean }[];
}
const encodingOptions = dictionary<SetOptions["encodingOptions"][number]>({
  keyFrame: { type: boolean, standard: false },
});
export const setOptions = dictionary<SetOptions>({
  encodingOptions: { type: sequence(encodingOptions), standard: () => [] },
});

/** The codecs of a page's encodings must be among those that `known` says can be sent, `asymmetric` as in `find`. */
export function checkCodecs(list: Encoding[], known: RTCRtpCodec[], error: string, asymmetric = false): void {
  const media = known.filter(carriesMedia);
  for (const { codec } of list)
    if (codec && !find(media, codec, asymmetric))
      throw new DOMException(`${codec.mimeType} cannot be sent`, error);
}

/** What is wrong with the values of encodings; throws for a page's mistakes. */
export function checkEncodings(list: Encoding[], kind: Kind): Encoding[] {
  for (const { scaleResolutionDownBy = 1, maxFramerate = 0 } of list) {
    if (kind === "audio") continue;
    if (scaleResolutionDownBy < 1) throw new RangeError("scaleResolutionDownBy is less than 1");
    if (maxFramerate < 0) throw new RangeError("maxFramerate is negative");
  }
  if (kind === "video") return list;
  // Sound has neither size nor frames.
  return list.map(({ scaleResolutionDownBy, maxFramerate, ...rest }) => rest);
}

/** Encodings that a sender of video can send at a time (WebRTC 5.1: further ones are left out). */
const LAYERS = 3;

/** The encodings of a new transceiver (WebRTC 5.1, addTransceiver). */
export function firstEncodings(given: unknown, kind: Kind): Encoding[] {
  const list = given === undefined ? [] : encodings(given, "sendEncodings");
  const rids = list.flatMap(({ rid }) => (rid === undefined ? [] : [rid]));
  if (rids.some((rid) => !/^[a-z0-9]{1,16}$/i.test(rid))) throw new TypeError("a rid is malformed");
  if (rids.length > 0 && rids.length < list.length)
    throw new TypeError("some encodings have a rid, some not");
  if (new Set(rids).size < rids.length) throw new TypeError("a rid is there twice");
  if (list.length > 1 && rids.length === 0) throw new TypeError("several encodings need rids");
  checkCodecs(list, capabilities(kind)?.codecs ?? [], "OperationError");
  const checked = checkEncodings(list, kind);
  const said = checked.some(({ scaleResolutionDownBy }) => scaleResolutionDownBy !== undefined);
  const [first = { active: true }, ...others] = checked.slice(0, LAYERS);
  // Sound has one encoding, and one encoding no name.
  if (kind === "audio" || others.length === 0) {
    const { rid, ...rest } = first;
    return [kind === "video" ? { scaleResolutionDownBy: 1, ...rest } : rest];
  }
  const all = [first, ...others];
  return said ? all.map((encoding) => ({ scaleResolutionDownBy: 1, ...encoding })) : layered(all);
}

/** The encodings of a simulcast that the remote asks for. */
export function proposedEncodings(rids: string[]): Encoding[] {
  return layered(rids.map((rid) => ({ active: true, rid })));
}

/** Each layer half the size of the one after it. */
function layered(list: Encoding[]): Encoding[] {
  return list.map((encoding, index) => ({
    ...encoding,
    scaleResolutionDownBy: 2 ** (list.length - 1 - index),
  }));
}

/** What numbers mean that no `rtpmap` explains (RFC 3551, 6). */
const ASSIGNED: Record<string, string> = { 0: "PCMU/8000", 8: "PCMA/8000" };

/** What a description's section says of codecs, header extensions and RTCP. */
export function sectionParameters(sdp: string, mid: string): RTCRtpParameters | undefined {
  const start = [...sdp.matchAll(/^m=/gm)].map(({ index }) => index);
  const section = start
    .map((from, index) => sdp.slice(from, start[index + 1]))
    .find((text) => text.split(/\r?\n/).includes(`a=mid:${mid}`));
  if (!section) return undefined;
  const kind = section.slice(2, section.indexOf(" "));
  const formats = section.split(/\r?\n/, 1)[0]?.split(" ").slice(3) ?? [];
  const codecs = formats.flatMap((format) => {
    const said = new RegExp(`^a=rtpmap:${format} (\\S+)`, "m").exec(section)?.[1];
    const assigned = kind === "audio" ? ASSIGNED[format] : undefined;
    const map = /^([^/]+)\/(\d+)(?:\/(\d+))?/.exec(said ?? assigned ?? "");
    if (!map) return [];
    const line = new RegExp(`^a=fmtp:${format} ([^\\r\\n]*)`, "m").exec(section)?.[1];
    const channels = kind === "audio" ? Number(map[3] ?? 1) : undefined;
    return [
      {
        payloadType: Number(format),
        mimeType: `${kind}/${map[1]}`,
        clockRate: Number(map[2]),
        ...(channels !== undefined && { channels }),
        ...(line !== undefined && { sdpFmtpLine: line }),
      },
    ];
  });
  const headerExtensions = [...section.matchAll(/^a=extmap:(\d+)\S* (\S+)/gm)].map(([, id, uri = ""]) => ({
    id: Number(id),
    uri,
    encrypted: false,
  }));
  return {
    codecs,
    headerExtensions,
    rtcp: { reducedSize: /^a=rtcp-rsize/m.test(section) },
  };
}

/** Whether a page changed what it may only read. */
export function modified(given: RTCRtpSendParameters, known: RTCRtpSendParameters): boolean {
  const fixed = ({ codecs, headerExtensions, rtcp, encodings }: RTCRtpSendParameters) =>
    JSON.stringify([
      codecs.map(sorted),
      headerExtensions.map(sorted),
      sorted(rtcp),
      encodings.map(({ rid }) => rid ?? null),
    ]);
  return fixed(given) !== fixed(known);
}

function sorted(of: object): [string, unknown][] {
  return Object.entries(of).sort(([one], [other]) => (one < other ? -1 : 1));
}

/** The codecs that a page prefers, each once (WebRTC 5.4, setCodecPreferences). */
export function preferences(given: unknown, known: RTCRtpCodec[]): RTCRtpCodec[] {
  const list = sequence(codec)(given, "codecs");
  const unique = list.filter(
    (one, index) => list.findIndex((other) => JSON.stringify(other) === JSON.stringify(one)) === index,
  );
  for (const one of unique) {
    if (!find(known, one))
      throw new DOMException(`${one.mimeType} is not among the capabilities`, "InvalidModificationError");
  }
  if (unique.length > 0 && !unique.some(carriesMedia))
    throw new DOMException("none of the codecs carries media", "InvalidModificationError");
  return unique;
}

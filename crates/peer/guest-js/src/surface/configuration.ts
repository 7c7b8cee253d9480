// RTCConfiguration: conversions, and what a page may not ask for (WebRTC 4.4.1.6).
import { Certificate } from "./certificate";
import {
  boolean,
  type Converter,
  dictionary,
  enumeration,
  instance,
  octetEnforced,
  scalars,
  sequence,
  string,
} from "./idl";

const urls: Converter<string | string[]> = (value, what) =>
  typeof value === "object" && value !== null && Symbol.iterator in value
    ? sequence(scalars)(value, what)
    : scalars(value, what);

export interface IceServer {
  urls: string | string[];
  username?: string;
  credential?: string;
}

export interface Settings {
  iceServers: IceServer[];
  iceTransportPolicy: RTCIceTransportPolicy;
  bundlePolicy: RTCBundlePolicy;
  rtcpMuxPolicy: RTCRtcpMuxPolicy;
  certificates: Certificate[];
  iceCandidatePoolSize: number;
  /** The older form of encoded transforms is wanted (`createEncodedStreams`). */
  encodedInsertableStreams?: boolean;
}

const configuration = dictionary<Partial<Settings>>({
  iceServers: {
    type: sequence(
      dictionary<IceServer>({
        urls: { type: urls, required: true },
        username: { type: scalars },
        credential: { type: string },
      }),
    ),
    standard: () => [],
  },
  iceTransportPolicy: { type: enumeration<RTCIceTransportPolicy>("relay", "all"), standard: "all" },
  bundlePolicy: {
    type: enumeration<RTCBundlePolicy>("balanced", "max-compat", "max-bundle"),
    standard: "balanced",
  },
  rtcpMuxPolicy: { type: enumeration<RTCRtcpMuxPolicy>("require"), standard: "require" },
  certificates: { type: sequence(instance(() => Certificate)), standard: () => [] },
  iceCandidatePoolSize: { type: octetEnforced, standard: 0 },
  encodedInsertableStreams: { type: boolean },
});

/** What the page gave as a configuration, as far as its types go. */
export function readConfiguration(given: unknown): Settings {
  return configuration(given, "the configuration") as Settings;
}

/** Checks a configuration; `former` is the one it is to replace. */
export function checkConfiguration(given: Settings, former?: Settings): Settings {
  const next = { ...given };
  if (former) {
    const modified = (what: string) => {
      throw new DOMException(`${what} cannot be changed`, "InvalidModificationError");
    };
    if (next.certificates.length > 0) {
      const same =
        next.certificates.length === former.certificates.length &&
        next.certificates.every((one, index) => one === former.certificates[index]);
      if (!same) modified("certificates");
    }
    next.certificates = former.certificates;
    if (next.bundlePolicy !== former.bundlePolicy) modified("bundlePolicy");
    if (next.rtcpMuxPolicy !== former.rtcpMuxPolicy) modified("rtcpMuxPolicy");
  } else if (next.certificates.some(({ expires }) => expires <= Date.now())) {
    throw new DOMException("a certificate has expired", "InvalidAccessError");
  }
  for (const server of next.iceServers) checkServer(server);
  return next;
}

function checkServer({ urls, username, credential }: IceServer): void {
  const list = typeof urls === "string" ? [urls] : urls;
  if (list.length === 0) throw new DOMException("an ICE server needs an address", "SyntaxError");
  for (const url of list) {
    const match = /^(stuns?|turns?):([^/?#\s@]+)(\?.*)?$/i.exec(url);
    const [, scheme, authority, query] = match ?? [];
    const host = /^(\[[0-9a-f:.]+\]|[^:]+)(:\d{1,5})?$/i.test(authority ?? "");
    const turn = scheme?.toLowerCase().startsWith("turn") ?? false;
    const parameters = query === undefined || (turn && /^\?transport=(udp|tcp)$/i.test(query));
    if (!scheme || !host || !parameters) throw new DOMException(`"${url}" is no ICE server`, "SyntaxError");
    if (!turn) continue;
    if (username === undefined || credential === undefined)
      throw new DOMException(`"${url}" needs a username and a credential`, "InvalidAccessError");
    // RFC 8489 14.3
    if (new TextEncoder().encode(username).length > 509)
      throw new DOMException("the username is too long", "InvalidAccessError");
  }
}

/** What `getConfiguration` gives: a copy that the page may keep. */
export function copyOf(settings: Settings): Settings {
  return {
    ...settings,
    iceServers: settings.iceServers.map((server) => ({
      ...server,
      urls: typeof server.urls === "string" ? [server.urls] : [...server.urls],
    })),
    certificates: [...settings.certificates],
  };
}

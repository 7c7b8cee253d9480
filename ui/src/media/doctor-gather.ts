/** Gathers candidates as a call would, and tells of what kinds they are; their addresses stay here. */
import type { NetworkFact } from "../core/doctor/facts";
import type { IceServer } from "../generated/IceServer";
import { within } from "./doctor-pause";

/** STUN gives up after some nine seconds. */
const PATIENCE_MS = 14_000;

export async function gather(iceServers: readonly IceServer[], signal: AbortSignal): Promise<NetworkFact> {
  const pc = new RTCPeerConnection({ iceServers: [...iceServers] });
  try {
    const seen: RTCIceCandidate[] = [];
    const errors = new Map<string, number>();
    pc.onicecandidateerror = ({ url }) => {
      if (url !== null) errors.set(url, (errors.get(url) ?? 0) + 1);
    };
    const complete = new Promise<void>((done) => {
      pc.onicecandidate = ({ candidate }) => {
        if (candidate === null) done();
        else if (candidate.candidate !== "") seen.push(candidate);
      };
    });
    pc.createDataChannel("probe");
    await pc.setLocalDescription();
    await within(complete, PATIENCE_MS, signal);
    return factOf(seen, tellsErrors() ? errors : null, stunUrls(iceServers));
  } finally {
    pc.close();
  }
}

/** The peer connection that Snug brings along where a webview has none is silent about servers that are. */
export function tellsErrors(): boolean {
  return (
    typeof RTCPeerConnectionIceErrorEvent !== "undefined" &&
    /native code/.test(`${RTCPeerConnectionIceErrorEvent}`)
  );
}

export function stunUrls(iceServers: readonly IceServer[]): readonly string[] {
  return iceServers.flatMap(({ urls }) => urls).filter((url) => url.startsWith("stun:"));
}

/** The few fields of a candidate that are looked at. */
type Seen = Pick<
  RTCIceCandidate,
  "type" | "protocol" | "component" | "address" | "port" | "relatedAddress" | "relatedPort"
>;

/** `errors` counts them by the server's URL; null where the webview knows no such events. */
export function factOf(
  seen: readonly Seen[],
  errors: ReadonlyMap<string, number> | null,
  asked: readonly string[],
): NetworkFact {
  const udp = seen.filter(({ protocol, component }) => protocol === "udp" && component !== "rtcp");
  const hosts = udp.filter(({ type }) => type === "host");
  const reflexive = udp.filter(({ type }) => type === "srflx");
  const numbers = new Map<string, number>();
  const numberOf = (name: string) => {
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  };
  return {
    host: hosts.length,
    reflexive: reflexive.length,
    relayed: seen.filter(({ type }) => type === "relay").length,
    stunAsked: asked.length,
    // Each local socket asks by itself, and one card may lead nowhere: silence is when none of them got an answer.
    stunSilent:
      errors === null
        ? null
        : asked.filter((url) => reflexive.length === 0 && (errors.get(url) ?? 0) >= Math.max(1, hosts.length))
            .length,
    mappings: reflexive.flatMap(({ address, port, relatedAddress, relatedPort }) => {
      // Browsers that hide local addresses leave nothing to tell two sockets apart by.
      if (relatedPort === null || relatedPort === 0) return [];
      return [
        {
          base: numberOf(`base ${relatedAddress} ${relatedPort}`),
          mapped: numberOf(`mapped ${address} ${port}`),
        },
      ];
    }),
  };
}

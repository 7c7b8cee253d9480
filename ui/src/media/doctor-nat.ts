/**
 * How the relay sees us: one peer connection goes the direct way to another that sits behind the relay. The relay's port
 * is another one than that of STUN, and so a NAT that gives each its own mapping is found out with one server only.
 */
import type { SeenAs } from "../core/doctor/facts";
import type { IceServer } from "../generated/IceServer";
import { handOver } from "./doctor-loop";
import { within } from "./doctor-pause";
import { relaysByTransport } from "./doctor-relay";

const GATHER_MS = 12_000;
const CONNECT_MS = 8_000;

/** Null where it could not be found out. */
export async function seenThroughRelay(
  iceServers: readonly IceServer[],
  signal: AbortSignal,
): Promise<SeenAs | null> {
  const relay = relaysByTransport(iceServers).get("udp");
  const stun = iceServers.filter(({ urls }) => urls.every((url) => url.startsWith("stun:")));
  if (relay === undefined || stun.length === 0) return null;
  const direct = new RTCPeerConnection({ iceServers: stun });
  const behind = new RTCPeerConnection({ iceServers: [...relay], iceTransportPolicy: "relay" });
  try {
    const channel = direct.createDataChannel("nat");
    const open = new Promise<void>((done) => {
      channel.onopen = () => done();
    });
    // All that STUN knows is told first, so that what is learnt later is something else.
    const gathered = new Promise<void>((done) => {
      direct.onicecandidate = ({ candidate }) => {
        if (candidate === null) done();
      };
    });
    behind.onicecandidate = ({ candidate }) => {
      if (candidate !== null) handOver(candidate, direct);
    };
    await direct.setLocalDescription();
    if (!(await within(gathered, GATHER_MS, signal)) || direct.localDescription === null) return null;
    await behind.setRemoteDescription(direct.localDescription);
    await behind.setLocalDescription();
    if (behind.localDescription === null) return null;
    await direct.setRemoteDescription(behind.localDescription);
    if (!(await within(open, CONNECT_MS, signal))) return null;
    return remoteKind(await behind.getStats());
  } finally {
    direct.close();
    behind.close();
  }
}

/** Anything with `forEach` over stats objects, as `media/stats`. */
interface Report {
  forEach(visit: (stats: Readonly<Record<string, unknown>>) => void): void;
}

/** The kind of the other end's candidate in the pair that is used. */
export function remoteKind(report: Report): SeenAs | null {
  const kinds = new Map<unknown, unknown>();
  const used: unknown[] = [];
  report.forEach((stats) => {
    if (stats.type === "remote-candidate") kinds.set(stats.id, stats.candidateType);
    if (stats.type === "candidate-pair" && stats.nominated === true && stats.state === "succeeded") {
      used.push(stats.remoteCandidateId);
    }
  });
  const kind = kinds.get(used[0]);
  return kind === "host" || kind === "srflx" || kind === "prflx" ? kind : null;
}

/** Tries each way to the relays that the server named, and measures the best one that works. */
import type { PathFact, RelayFact, RelayTransport } from "../core/doctor/facts";
import type { IceServer } from "../generated/IceServer";
import { Loop } from "./doctor-loop";
import { measurePath, measureRoom } from "./doctor-path";

export interface RelayWish {
  /** How much gets through is measured by filling the line, which a call would feel. */
  readonly fill: boolean;
}

export async function tryRelays(
  iceServers: readonly IceServer[],
  { fill }: RelayWish,
  signal: AbortSignal,
): Promise<{ relays: readonly RelayFact[]; path: PathFact | null }> {
  const ways = [...relaysByTransport(iceServers)];
  const open: { transport: RelayTransport; loop: Loop }[] = [];
  try {
    const relays = await Promise.all(
      ways.map(async ([transport, servers]): Promise<RelayFact> => {
        const outcome = await Loop.open(servers, signal);
        if (outcome.is !== "open") return { transport, result: outcome };
        open.push({ transport, loop: outcome.loop });
        return { transport, result: { is: "works" } };
      }),
    );
    const best = TRANSPORTS.flatMap((wanted) => open.find(({ transport }) => transport === wanted) ?? [])[0];
    if (best === undefined) return { relays, path: null };
    const { transport, loop } = best;
    const figures = await measurePath(loop, signal);
    const bitsPerSecond = fill ? await measureRoom(loop, signal) : null;
    return { relays, path: { transport, ...figures, bitsPerSecond } };
  } finally {
    for (const { loop } of open) loop.close();
  }
}

const TRANSPORTS: readonly RelayTransport[] = ["udp", "tcp", "tls"];

export function relaysByTransport(
  iceServers: readonly IceServer[],
): ReadonlyMap<RelayTransport, readonly IceServer[]> {
  const found = new Map<RelayTransport, IceServer[]>();
  for (const server of iceServers) {
    for (const url of server.urls) {
      const transport = transportOf(url);
      if (transport !== null)
        found.set(transport, [...(found.get(transport) ?? []), { ...server, urls: [url] }]);
    }
  }
  return found;
}

/** RFC 7065; null for what is no relay. */
export function transportOf(url: string): RelayTransport | null {
  if (/^turns:/i.test(url)) return "tls";
  if (!/^turn:/i.test(url)) return null;
  return /[?&]transport=tcp\b/i.test(url) ? "tcp" : "udp";
}

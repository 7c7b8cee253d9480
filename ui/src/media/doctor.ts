/** All probes in one part, which is fetched when somebody asks for an examination. */
import { pause } from "./doctor-pause";
import type { PeerLink } from "./peer-link";

export { lookAtDevices } from "./doctor-devices";
export { listenForEcho } from "./doctor-echo";
export { gather } from "./doctor-gather";
export { seenThroughRelay } from "./doctor-nat";
export { tryRelays } from "./doctor-relay";

const COUNT_MS = 3_000;

/** The packets of media that came over each link in a few seconds, by its key. */
export async function countPackets(
  links: ReadonlyMap<string, PeerLink>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const count = async () =>
    new Map(
      await Promise.all(
        [...links].map(async ([key, link]) => [key, (await link.read()).packetsReceived] as const),
      ),
    );
  const before = await count();
  await pause(COUNT_MS, signal);
  const after = await count();
  return new Map(
    [...after].flatMap(([key, packets]) => {
      const then = before.get(key);
      return then === undefined ? [] : [[key, Math.max(0, packets - then)]];
    }),
  );
}

/** What kind of address translation stands before us, from what STUN servers saw (RFC 4787, section 4.1; RFC 5780). */
import type { NetworkFact, SeenAs } from "./facts";

export type Nat =
  /** None: others see our own addresses. */
  | "open"
  /** One address for all who ask (endpoint-independent mapping): others can find it. */
  | "steady"
  /** Another one for each who asks (address-dependent mapping): what one server sees is of no use to anybody else. */
  | "symmetric"
  | "unknown";

export function natOf({ host, stunAsked, stunSilent, mappings }: NetworkFact, seenAs: SeenAs | null): Nat {
  const answered = stunSilent === null ? 0 : stunAsked - stunSilent;
  const seen = new Map<number, Set<number>>();
  for (const { base, mapped } of mappings) seen.set(base, (seen.get(base) ?? new Set()).add(mapped));
  if ([...seen.values()].some((mapped) => mapped.size > 1)) return "symmetric";
  switch (seenAs) {
    case "prflx":
      return "symmetric";
    case "srflx":
      return "steady";
    case "host":
      return "open";
    case null:
      break;
  }
  if (answered <= 0) return "unknown";
  // An address that is our own already is not told a second time.
  if (mappings.length === 0) return host > 0 ? "open" : "unknown";
  return answered > 1 ? "steady" : "unknown";
}

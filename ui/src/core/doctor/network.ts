/** The way to the server, to others, and by the relay. */
import type { Facts, NetworkFact, RelayFact } from "./facts";
import { type Finding, found, ms, percent, rate } from "./finding";
import { type Nat, natOf } from "./nat";

/** A round trip to the server above which joining feels slow, in milliseconds. */
const SLOW_SERVER = 500;
/** A clock that is off by more makes tokens and certificates look wrong, in milliseconds. */
const CLOCK_OFF = 30_000;
const CLOCK_USELESS = 5 * 60_000;

export function onServer({ signaling, clockAheadMs }: Facts): readonly Finding[] {
  const findings: Finding[] = [];
  switch (signaling?.is) {
    case "reached": {
      const { roundTripMs } = signaling;
      const slow = roundTripMs > SLOW_SERVER;
      findings.push(
        found(slow ? "server-slow" : "server-reached", slow ? "warning" : "fine", ms(roundTripMs)),
      );
      break;
    }
    case "unreachable":
      findings.push(found("server-unreachable", "broken"));
      break;
    case "refused":
      findings.push(found("server-refuses", "unknown"));
      break;
    case undefined:
      return [];
  }
  if (clockAheadMs === null) return signaling.is === "unreachable" ? findings : [...findings, NO_CLOCK];
  const off = Math.abs(clockAheadMs);
  if (off <= CLOCK_OFF) return [...findings, found("clock-right", "fine")];
  return [
    ...findings,
    found("clock-wrong", off > CLOCK_USELESS ? "broken" : "warning", `${Math.round(off / 1000)} s`),
  ];
}

const NO_CLOCK = found("clock-unknown", "unknown");

export function onNetwork({ network, relays, seenAs }: Facts): readonly Finding[] {
  if (network === null) return relays === null ? [] : onRelays(relays, false);
  const findings: Finding[] = [];
  const udp = udpWorks(network, relays ?? []);
  const relayed = relays === null ? network.relayed > 0 : relays.some(works);
  if (udp === "yes") findings.push(found("udp-works", "fine"));
  else if (udp === "unknown") findings.push(found("udp-unknown", "unknown"));
  else findings.push(relayed ? found("udp-blocked", "warning") : found("udp-blocked-no-relay", "broken"));
  // Where UDP does not get out at all, there is nothing to translate.
  const nat = natOf(network, seenAs);
  if (udp !== "no") findings.push(onNat(nat, relayed));
  const needed = udp === "no" || nat === "symmetric";
  return [...findings, ...(relays === null ? [] : onRelays(relays, needed))];
}

function onNat(nat: Nat, relayed: boolean): Finding {
  switch (nat) {
    case "open":
    case "steady":
      return found(`nat-${nat}`, "fine");
    case "symmetric":
      return relayed ? found("nat-symmetric", "fine") : found("nat-symmetric-no-relay", "broken");
    case "unknown":
      return found("nat-unknown", "unknown");
  }
}

/** Whether UDP comes back from outside. */
export function udpWorks(network: NetworkFact, relays: readonly RelayFact[]): "yes" | "no" | "unknown" {
  const { host, reflexive, stunAsked, stunSilent } = network;
  const byUdp = relays.filter(({ transport }) => transport === "udp");
  // A relay that refuses has answered.
  if (reflexive > 0 || byUdp.some(({ result }) => result.is === "works" || result.is === "refused"))
    return "yes";
  // A browser that may use no UDP at all has no candidates of its own.
  if (host === 0) return "no";
  const silent = byUdp.length > 0 && byUdp.every(({ result }) => result.is === "silent");
  // The relay is there, and hears everything but UDP. Of STUN only its silence is told, and not by every socket.
  if (silent && relays.some(works)) return "no";
  const answered = stunSilent !== null && stunAsked > stunSilent;
  if (answered) return silent ? "unknown" : "yes";
  return silent || (byUdp.length === 0 && stunAsked > 0 && stunSilent === stunAsked) ? "no" : "unknown";
}

/** `needed`: without one this page reaches nobody. */
function onRelays(relays: readonly RelayFact[], needed: boolean): readonly Finding[] {
  if (relays.length === 0) return [found("relay-absent", "warning")];
  const working = relays.filter(works);
  const codes = relays.flatMap(({ result }) => (result.is === "refused" ? [result.code] : []));
  const findings: Finding[] = [];
  if (working.length > 0) {
    findings.push(
      found("relay-works", "fine", working.map(({ transport }) => transport.toUpperCase()).join(", ")),
    );
  }
  const full = codes.find((code) => code === 486 || code === 508);
  const refused = codes.find((code) => code !== 486 && code !== 508);
  const bad = working.length > 0 ? "warning" : "broken";
  if (refused !== undefined) findings.push(found("relay-refused", bad, `${refused}`));
  if (full !== undefined) findings.push(found("relay-full", bad, `${full}`));
  if (findings.length > 0) return findings;
  const stuck = relays.some(({ result }) => result.is === "no-traffic");
  return [stuck ? found("relay-stuck", needed ? "broken" : "warning") : found("relay-silent", "broken")];
}

function works({ result }: RelayFact): boolean {
  return result.is === "works";
}

/** What a call with a picture needs. */
const ENOUGH_BITS = 500_000;
const LOSSY = 0.02;
const TOO_LOSSY = 0.1;
const JITTERY_MS = 40;
const SLOW_MS = 400;

export function onPath({ path }: Facts): readonly Finding[] {
  if (path === null || path.sent === 0) return [];
  const findings: Finding[] = [];
  const loss = 1 - path.received / path.sent;
  if (loss > LOSSY)
    findings.push(found("path-lossy", loss > TOO_LOSSY ? "broken" : "warning", percent(loss)));
  if (path.jitterMs !== null && path.jitterMs > JITTERY_MS) {
    findings.push(found("path-jittery", "warning", ms(path.jitterMs)));
  }
  if (path.roundTripMs !== null && path.roundTripMs > SLOW_MS) {
    findings.push(found("path-slow", "warning", ms(path.roundTripMs)));
  }
  if (path.bitsPerSecond !== null && path.bitsPerSecond < ENOUGH_BITS) {
    findings.push(found("path-narrow", "warning", rate(path.bitsPerSecond)));
  }
  if (findings.length > 0) return findings;
  const figures = [
    percent(loss),
    path.jitterMs === null ? "–" : ms(path.jitterMs),
    path.bitsPerSecond === null ? "–" : rate(path.bitsPerSecond),
  ];
  return [found("path-good", "fine", figures.join(", "))];
}

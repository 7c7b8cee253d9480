import { describe, expect, it } from "vitest";
import { diagnose } from "./diagnose";
import { type Facts, type LinkFact, type NetworkFact, NOTHING_KNOWN, type RelayFact } from "./facts";
import { natOf } from "./nat";

const open: NetworkFact = { host: 2, reflexive: 0, relayed: 0, stunAsked: 1, stunSilent: 0, mappings: [] };
const behindNat: NetworkFact = { ...open, reflexive: 1, stunAsked: 2, mappings: [{ base: 0, mapped: 1 }] };
const symmetric: NetworkFact = {
  ...behindNat,
  reflexive: 2,
  mappings: [
    { base: 0, mapped: 1 },
    { base: 0, mapped: 2 },
  ],
};
const noUdp: NetworkFact = { ...open, stunSilent: 1 };
const relay = (
  transport: RelayFact["transport"],
  is: "works" | "silent" | "no-traffic" | number,
): RelayFact => ({
  transport,
  result: typeof is === "number" ? { is: "refused", code: is } : { is },
});
const link: LinkFact = {
  peer: 1,
  state: "new",
  stateForMs: 9_000,
  wasConnected: false,
  signalingUp: true,
  unansweredForMs: null,
  leftAlone: false,
  offersRepeated: 0,
  answersHeard: 1,
  answersSent: 0,
  candidatesSent: 3,
  candidatesHeard: 3,
  shouldSend: true,
  packets: null,
};
const connected: LinkFact = { ...link, state: "connected", wasConnected: true, packets: 100 };

function codes(facts: Partial<Facts>): string[] {
  return diagnose({ ...NOTHING_KNOWN, ...facts }).map(({ severity, code }) => `${severity} ${code}`);
}

describe("a device", () => {
  it.each(["denied", "busy", "insecure", "unknown"] as const)("that fails (%s) is named", (problem) => {
    const failed = { is: "failed", problem } as const;
    expect(codes({ camera: failed })).toEqual([`broken camera-${problem}`]);
    expect(codes({ microphone: failed, speakers: 1 })).toEqual([
      `broken microphone-${problem}`,
      "fine speaker-works",
    ]);
  });

  it("that is missing costs a picture less than a voice", () => {
    const missing = { is: "failed", problem: "missing" } as const;
    expect(codes({ camera: missing, microphone: missing, speakers: 0 })).toEqual([
      "broken microphone-missing",
      "warning camera-missing",
      "warning speaker-missing",
    ]);
  });

  it("that gives nothing but zeros is switched off; one that only hisses is not", () => {
    expect(codes({ microphone: { is: "works", level: 0 }, speakers: 2 })).toContain(
      "warning microphone-silent",
    );
    expect(codes({ microphone: { is: "works", level: 1e-4 }, speakers: 2 })).toContain(
      "fine microphone-works",
    );
    expect(codes({ microphone: { is: "works", level: null }, speakers: null })).toEqual([
      "unknown speaker-unknown",
      "fine microphone-works",
    ]);
  });

  it("hears an echo only when the tone stands out of the noise", () => {
    const microphone = { is: "works", level: 0.1 } as const;
    const echo = (before: number, during: number) => codes({ microphone, echo: { before, during } });
    expect(echo(0.0005, 0.05)).toContain("warning echo");
    expect(echo(0.0005, 0.0008)).toContain("fine no-echo");
    expect(echo(0.04, 0.06)).toContain("fine no-echo");
    expect(
      codes({ microphone: { is: "failed", problem: "denied" }, echo: { before: 0, during: 1 } }),
    ).not.toContain("warning echo");
  });
});

describe("the server", () => {
  it("is reached, slow, out of reach, or keeps its door shut", () => {
    const signaling = (roundTripMs: number) => ({ is: "reached", roundTripMs }) as const;
    expect(codes({ signaling: signaling(20), clockAheadMs: 100 })).toEqual([
      "fine server-reached",
      "fine clock-right",
    ]);
    expect(codes({ signaling: signaling(900) })).toEqual(["warning server-slow", "unknown clock-unknown"]);
    expect(codes({ signaling: { is: "unreachable" } })).toEqual(["broken server-unreachable"]);
    expect(codes({ signaling: { is: "refused", reason: "unauthorized" } })).toContain(
      "unknown server-refuses",
    );
  });

  it("tells when the clock is wrong, either way", () => {
    const at = (clockAheadMs: number) =>
      codes({ signaling: { is: "reached", roundTripMs: 1 }, clockAheadMs });
    expect(at(-45_000)).toContain("warning clock-wrong");
    expect(at(3_600_000)).toContain("broken clock-wrong");
    expect(
      diagnose({ ...NOTHING_KNOWN, signaling: { is: "reached", roundTripMs: 1 }, clockAheadMs: -45_000 })[0],
    ).toMatchObject({ value: "45 s" });
  });
});

describe("the network", () => {
  it("is open, or behind a NAT that others can find their way through", () => {
    expect(codes({ network: open })).toEqual(["fine udp-works", "fine nat-open"]);
    expect(codes({ network: behindNat })).toEqual(["fine udp-works", "fine nat-steady"]);
  });

  it("with a symmetric NAT needs a relay", () => {
    expect(codes({ network: symmetric, relays: [] })).toEqual([
      "broken nat-symmetric-no-relay",
      "warning relay-absent",
      "fine udp-works",
    ]);
    expect(codes({ network: symmetric, relays: [relay("udp", "silent")] })).toContain(
      "broken nat-symmetric-no-relay",
    );
    expect(codes({ network: symmetric, relays: [relay("udp", "works")] })).toContain("fine nat-symmetric");
  });

  it("is not called symmetric for having two cards", () => {
    const two = {
      ...behindNat,
      mappings: [
        { base: 0, mapped: 1 },
        { base: 1, mapped: 2 },
      ],
    };
    expect(natOf(two, null)).toBe("steady");
    expect(natOf({ ...behindNat, stunAsked: 1 }, null)).toBe("unknown");
  });

  it("is known by its relay where there is one STUN server only", () => {
    const one = { ...behindNat, stunAsked: 1 };
    expect(natOf(one, "srflx")).toBe("steady");
    expect(natOf(one, "prflx")).toBe("symmetric");
    expect(natOf({ ...open, stunSilent: null }, "host")).toBe("open");
    const facts = { network: one, relays: [relay("udp", "works")] };
    expect(codes({ ...facts, seenAs: "prflx" })).toContain("fine nat-symmetric");
  });

  it("whose firewall drops UDP is named, with or without a way around", () => {
    const around = [relay("udp", "silent"), relay("tcp", "works")];
    expect(codes({ network: noUdp, relays: around })).toEqual(["warning udp-blocked", "fine relay-works"]);
    expect(codes({ network: open, relays: around })).toEqual(["warning udp-blocked", "fine relay-works"]);
    const none = [relay("udp", "silent"), relay("tcp", "silent")];
    expect(codes({ network: noUdp, relays: none })).toEqual([
      "broken udp-blocked-no-relay",
      "broken relay-silent",
    ]);
    // A browser that may use no UDP asks nobody, and nobody is known to be silent.
    expect(codes({ network: { ...open, host: 0 }, relays: around })).toContain("warning udp-blocked");
  });

  it("is not judged where there is nobody to ask", () => {
    expect(codes({ network: { ...open, stunAsked: 0 }, relays: [] })).toEqual([
      "warning relay-absent",
      "unknown udp-unknown",
      "unknown nat-unknown",
    ]);
  });
});

describe("a relay", () => {
  it("that refuses the credentials is named, and proves that UDP works", () => {
    const relays = [relay("udp", 401), relay("tcp", 401)];
    expect(codes({ network: open, relays })).toEqual([
      "broken relay-refused",
      "fine udp-works",
      "fine nat-open",
    ]);
    expect(diagnose({ ...NOTHING_KNOWN, relays })[0]?.value).toBe("401");
  });

  it("that is full, stuck or half shut is told apart", () => {
    expect(codes({ relays: [relay("udp", 486)] })).toEqual(["broken relay-full"]);
    expect(codes({ relays: [relay("udp", "no-traffic")] })).toEqual(["warning relay-stuck"]);
    const needed = codes({ network: symmetric, relays: [relay("udp", "no-traffic")] });
    expect(needed).toEqual(["broken nat-symmetric-no-relay", "broken relay-stuck", "fine udp-works"]);
    expect(codes({ relays: [relay("udp", "works"), relay("tls", 401)] })).toEqual([
      "warning relay-refused",
      "fine relay-works",
    ]);
    expect(codes({ relays: [] })).toEqual(["warning relay-absent"]);
  });
});

describe("the path", () => {
  const good = {
    transport: "udp",
    sent: 100,
    received: 100,
    roundTripMs: 20,
    jitterMs: 2,
    bitsPerSecond: 4e6,
  } as const;

  it("is good, or lossy, jittery, slow, narrow", () => {
    expect(diagnose({ ...NOTHING_KNOWN, path: good })).toMatchObject([
      { code: "path-good", value: "0 %, 2 ms, 4 Mbit/s" },
    ]);
    expect(codes({ path: { ...good, received: 95 } })).toEqual(["warning path-lossy"]);
    expect(codes({ path: { ...good, received: 60 } })).toEqual(["broken path-lossy"]);
    expect(codes({ path: { ...good, jitterMs: 80, roundTripMs: 700, bitsPerSecond: 2e5 } })).toEqual([
      "warning path-jittery",
      "warning path-slow",
      "warning path-narrow",
    ]);
    expect(codes({ path: { ...good, sent: 0, received: 0 } })).toEqual([]);
  });
});

describe("a link of the call", () => {
  const says = (change: Partial<LinkFact>) => codes({ links: [{ ...link, ...change }] });

  it("names the first thing that is missing", () => {
    expect(says({ answersHeard: 0, unansweredForMs: 8_000 })).toEqual(["broken offer-unanswered"]);
    expect(says({ answersHeard: 0, answersSent: 1, leftAlone: true })).toEqual(["broken offer-unanswered"]);
    expect(says({ answersHeard: 0, answersSent: 2, offersRepeated: 1 })).toEqual(["broken answer-lost"]);
    expect(says({ candidatesHeard: 0 })).toEqual(["broken candidates-missing"]);
    expect(says({})).toEqual(["broken ice-stuck"]);
    expect(says({ state: "failed" })).toEqual(["broken ice-stuck"]);
  });

  it("gives everything its time", () => {
    expect(says({ answersHeard: 0, unansweredForMs: 1_000 })).toEqual(["unknown link-waiting"]);
    expect(says({ candidatesHeard: 0, stateForMs: 1_000 })).toEqual(["unknown link-waiting"]);
    expect(says({ ...connected, packets: 0, stateForMs: 1_000 })).toEqual(["fine link-good"]);
  });

  it("may be up and carry nothing, or be lost while signaling is up", () => {
    expect(says(connected)).toEqual(["fine link-good"]);
    expect(says({ ...connected, packets: 0 })).toEqual(["broken media-missing"]);
    expect(says({ ...connected, packets: 0, shouldSend: false })).toEqual(["fine link-good"]);
    expect(says({ state: "disconnected", wasConnected: true })).toEqual(["broken media-lost"]);
  });

  it("is no riddle while our own line is down", () => {
    expect(says({ signalingUp: false, candidatesHeard: 0 })).toEqual(["broken line-down"]);
    expect(codes({ links: [] })).toEqual([]);
  });

  it("says whom it is about", () => {
    const links = [connected, { ...link, peer: 2 }];
    expect(diagnose({ ...NOTHING_KNOWN, links }).map(({ code, peer }) => [code, peer])).toEqual([
      ["ice-stuck", 2],
      ["link-good", 1],
    ]);
  });
});

it("knows nothing of what was not looked at", () => {
  expect(diagnose(NOTHING_KNOWN)).toEqual([]);
});

import { describe, expect, it } from "vitest";
import { factOf } from "./doctor-gather";
import { remoteKind } from "./doctor-nat";
import { Tally } from "./doctor-path";
import { pause, within } from "./doctor-pause";
import { relaysByTransport, transportOf } from "./doctor-relay";

const host = {
  type: "host",
  protocol: "udp",
  component: "rtp",
  address: "192.0.2.1",
  port: 5000,
  relatedAddress: null,
  relatedPort: null,
} as const;
const seenFrom = (port: number, base = 5000) =>
  ({
    ...host,
    type: "srflx",
    address: "203.0.113.7",
    port,
    relatedAddress: "192.0.2.1",
    relatedPort: base,
  }) as const;
const STUN = ["stun:a", "stun:b"];

describe("candidates", () => {
  it("are counted by kind, and their addresses become numbers", () => {
    const fact = factOf([host, seenFrom(7001), seenFrom(7002), { ...host, type: "relay" }], new Map(), STUN);
    expect(fact).toMatchObject({ host: 1, reflexive: 2, relayed: 1, stunAsked: 2, stunSilent: 0 });
    expect(fact.mappings[0]?.base).toBe(fact.mappings[1]?.base);
    expect(fact.mappings[0]?.mapped).not.toBe(fact.mappings[1]?.mapped);
    expect(JSON.stringify(fact)).not.toMatch(/192|203|700/);
  });

  it("without a base tell nothing of the NAT", () => {
    expect(factOf([host, seenFrom(7001, 0)], new Map(), STUN).mappings).toEqual([]);
  });

  it("show a server as silent only when no socket heard of it", () => {
    const two = [host, { ...host, port: 5001 }];
    expect(factOf(two, new Map([["stun:a", 1]]), STUN).stunSilent).toBe(0);
    expect(factOf(two, new Map([["stun:a", 2]]), STUN).stunSilent).toBe(1);
    expect(factOf([...two, seenFrom(1)], new Map([["stun:a", 2]]), STUN).stunSilent).toBe(0);
    expect(factOf(two, null, STUN).stunSilent).toBeNull();
  });
});

describe("relays", () => {
  it("are told apart by how they are reached", () => {
    expect(
      ["turn:h:1", "turn:h?transport=udp", "turn:h?transport=tcp", "turns:h", "stun:h"].map(transportOf),
    ).toEqual(["udp", "udp", "tcp", "tls", null]);
  });

  it("keep their credentials", () => {
    const server = { urls: ["turn:h?transport=udp", "turn:h?transport=tcp"], username: "u", credential: "c" };
    const found = relaysByTransport([{ urls: ["stun:h"] }, server]);
    expect([...found.keys()]).toEqual(["udp", "tcp"]);
    expect(found.get("tcp")).toEqual([{ ...server, urls: ["turn:h?transport=tcp"] }]);
  });
});

describe("the packets of the loop", () => {
  it("are counted once each, with their delay and how it varies", () => {
    const tally = new Tally();
    tally.sent = 4;
    tally.heard(0, 0, 20);
    tally.heard(1, 20, 40);
    tally.heard(1, 20, 41);
    tally.heard(3, 60, 96);
    expect(tally.facts()).toEqual({ sent: 4, received: 3, roundTripMs: 20, jitterMs: 1 });
    expect(new Tally().facts()).toMatchObject({ received: 0, roundTripMs: null, jitterMs: null });
  });
});

describe("waiting", () => {
  it("ends when it is cancelled", async () => {
    const scope = new AbortController();
    const waiting = pause(1_000_000, scope.signal);
    scope.abort(new Error("cancelled"));
    await expect(waiting).rejects.toThrow("cancelled");
    await expect(pause(1, scope.signal)).rejects.toThrow("cancelled");
  });

  it("tells whether it was in vain", async () => {
    const { signal } = new AbortController();
    expect(await within(Promise.resolve(), 1_000_000, signal)).toBe(true);
    expect(await within(new Promise(() => {}), 1, signal)).toBe(false);
  });
});

describe("how the relay sees us", () => {
  const pair = { type: "candidate-pair", nominated: true, state: "succeeded", remoteCandidateId: "r2" };
  const remote = (id: string, candidateType: string) => ({ type: "remote-candidate", id, candidateType });

  it("is the kind of the candidate that is used", () => {
    expect(remoteKind([remote("r1", "host"), remote("r2", "prflx"), pair])).toBe("prflx");
    expect(remoteKind([remote("r2", "srflx"), pair])).toBe("srflx");
    expect(remoteKind([remote("r2", "relay"), pair])).toBeNull();
    expect(remoteKind([remote("r2", "host"), { ...pair, nominated: false }])).toBeNull();
  });
});

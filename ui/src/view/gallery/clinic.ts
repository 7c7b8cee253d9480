/** The doctor in every state worth looking at. */
import type { Clinic, ClinicView, NamedFinding } from "../../core/doctor/clinic";
import { diagnose } from "../../core/doctor/diagnose";
import { BEFORE_A_CALL, type Step } from "../../core/doctor/exam";
import { type Facts, type LinkFact, NOTHING_KNOWN } from "../../core/doctor/facts";
import { newTimeline, recordLink, type Timeline } from "../../core/timeline/timeline";

const link: LinkFact = {
  peer: 1,
  state: "new",
  stateForMs: 12_000,
  wasConnected: false,
  signalingUp: true,
  unansweredForMs: null,
  leftAlone: false,
  offersRepeated: 0,
  answersHeard: 1,
  answersSent: 0,
  candidatesSent: 4,
  candidatesHeard: 4,
  shouldSend: true,
  packets: null,
};

const well: Facts = {
  ...NOTHING_KNOWN,
  camera: { is: "works" },
  microphone: { is: "works", level: 0.2 },
  speakers: 2,
  echo: { before: 0.0002, during: 0.0004 },
  signaling: { is: "reached", roundTripMs: 23 },
  clockAheadMs: 120,
  network: {
    host: 2,
    reflexive: 1,
    relayed: 2,
    stunAsked: 2,
    stunSilent: 0,
    mappings: [{ base: 0, mapped: 1 }],
  },
  relays: [
    { transport: "udp", result: { is: "works" } },
    { transport: "tcp", result: { is: "works" } },
  ],
  seenAs: "srflx",
  path: { transport: "udp", sent: 100, received: 100, roundTripMs: 31, jitterMs: 2.4, bitsPerSecond: 9.4e6 },
};

const troubled: Facts = {
  ...well,
  camera: { is: "failed", problem: "denied" },
  echo: { before: 0.0002, during: 0.06 },
  network: { host: 2, reflexive: 0, relayed: 1, stunAsked: 1, stunSilent: 1, mappings: [] },
  relays: [
    { transport: "udp", result: { is: "silent" } },
    { transport: "tcp", result: { is: "works" } },
  ],
  path: { transport: "tcp", sent: 100, received: 94, roundTripMs: 180, jitterMs: 66, bitsPerSecond: 3.4e5 },
};

const echo = { comparedMs: 18_000, quietMs: 2_000, likeness: 0.86, chance: 0.31, delayMs: 200 };

const inCall: Facts = {
  ...troubled,
  camera: { is: "works" },
  echo: null,
  links: [link],
  voices: { own: echo, others: [{ peer: 1, heard: echo }] },
};

export function clinicOf(screen: string): Clinic {
  const facts = screen === "lobby-doctor-well" ? well : screen.startsWith("call") ? inCall : troubled;
  const running = screen === "lobby-doctor-running";
  const findings = diagnose(running ? { ...NOTHING_KNOWN, camera: { is: "works" } } : facts).map(
    (finding): NamedFinding => ({ ...finding, name: finding.peer === null ? "" : "Ada Lindqvist" }),
  );
  const steps = BEFORE_A_CALL.map((id, index): Step => {
    const state = !running || index < 1 ? "done" : index === 1 ? "running" : "waiting";
    return { id, state };
  });
  const view: ClinicView = { state: running ? "running" : "done", steps, findings };
  const timeline = { timeline: story(), names: new Map([[1, "Ada Lindqvist"]]) };
  return {
    view: constant(view),
    timeline: constant(timeline),
    listen: () => () => {},
    begin() {},
    cancel() {},
    copyReport: async () => true,
    saveReport: async () => "snug-report.json",
  };
}

function constant<T>(value: T) {
  return {
    subscribe(listener: (value: T) => void) {
      listener(value);
      return () => {};
    },
  };
}

function story(): Timeline {
  const told = (
    at: number,
    way: "out" | "in",
    what: string,
    size: number | null,
    peer: number | null = null,
    note = "",
  ) => ({ at, way, what, size, peer, note });
  const timeline = newTimeline(0);
  const entries = [
    told(0, "out", "join", 312, null, "sealed"),
    told(41, "in", "joined", 987, null, "1 other"),
    told(44, "out", "message", 1024, 1, "sealed: hello"),
    told(83, "in", "message", 1460, 1, "sealed: reveal"),
    told(85, "in", "message", 1460, 1, "sealed: state"),
  ];
  let next: Timeline = { ...timeline, entries, people: ["ada"] };
  for (const [at, what, state] of [
    [86, "link", "opened, offering"],
    [97, "signaling", "have-local-offer"],
    [98, "gathering", "gathering"],
    [152, "ice", "checking"],
    [5_812, "ice", "disconnected"],
    [65_204, "ice", "failed"],
  ] as const) {
    next = recordLink(next, "ada", what, state, at);
  }
  return next;
}

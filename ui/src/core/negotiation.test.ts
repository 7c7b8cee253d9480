import { expect, test } from "vitest";
import {
  type Candidate,
  type Description,
  type NegotiatingPeer,
  Negotiator,
  type Signal,
} from "./negotiation";

/** The signaling states of JSEP 3.2, and a script of what was done. Operations finish when the test lets them. */
class FakePeer implements NegotiatingPeer {
  signalingState = "stable";
  localDescription: Description | null = null;
  readonly script: string[] = [];
  candidatesFit = true;
  private offers = 0;
  /** Held operations, if the test holds them. */
  private gate: Promise<void> = Promise.resolve();

  constructor(private readonly name: string) {}

  hold(): () => void {
    let open = () => {};
    this.gate = new Promise((done) => {
      open = done;
    });
    return open;
  }

  async setLocalDescription(): Promise<void> {
    const answer = this.signalingState === "have-remote-offer";
    await this.gate;
    this.offers += 1;
    this.localDescription = { type: answer ? "answer" : "offer", sdp: `${this.name}${this.offers}` };
    this.signalingState = answer ? "stable" : "have-local-offer";
    this.script.push(answer ? "answer" : "offer");
  }

  async setRemoteDescription({ type, sdp }: Description): Promise<void> {
    await this.gate;
    if (type === "offer" && this.signalingState === "have-local-offer") this.script.push("rollback");
    if (type === "answer" && this.signalingState !== "have-local-offer")
      throw new Error("an answer to nothing");
    this.signalingState = type === "offer" ? "have-remote-offer" : "stable";
    this.script.push(`remote ${type} ${sdp}`);
  }

  async addIceCandidate({ candidate }: Candidate): Promise<void> {
    if (!this.candidatesFit) throw new Error("no such section");
    this.script.push(`candidate ${candidate}`);
  }

  async beforeAnswer(): Promise<void> {
    this.script.push("tracks");
  }
}

/** Two ends, and a wire that delivers in order when it is told to. */
function pair() {
  const wire: { to: "polite" | "impolite"; signal: Signal }[] = [];
  const pcs = { polite: new FakePeer("p"), impolite: new FakePeer("i") };
  const ends = {
    polite: new Negotiator(pcs.polite, true, (signal) => wire.push({ to: "impolite", signal })),
    impolite: new Negotiator(pcs.impolite, false, (signal) => wire.push({ to: "polite", signal })),
  };
  const deliver = async () => {
    for (let next = wire.shift(); next !== undefined; next = wire.shift())
      await ends[next.to].receive(next.signal);
  };
  return { wire, pcs, ends, deliver };
}

test("an offer is answered, with the tracks in place first", async () => {
  const { pcs, ends, deliver } = pair();
  await ends.polite.offer();
  await deliver();
  expect(pcs.polite.script).toEqual(["offer", "remote answer i1"]);
  expect(pcs.impolite.script).toEqual(["remote offer p1", "tracks", "answer"]);
});

test("when both offer, the impolite offer stands and both end stable", async () => {
  const { pcs, ends, deliver } = pair();
  await Promise.all([ends.polite.offer(), ends.impolite.offer()]);
  await deliver();
  expect(pcs.polite.script).toEqual(["offer", "rollback", "remote offer i1", "tracks", "answer"]);
  expect(pcs.impolite.script).toEqual(["offer", "remote answer p2"]);
  expect([pcs.polite.signalingState, pcs.impolite.signalingState]).toEqual(["stable", "stable"]);
});

test("an offer that comes while one is being made collides too", async () => {
  const { pcs, ends } = pair();
  const release = pcs.impolite.hold();
  const making = ends.impolite.offer();
  await ends.impolite.receive({ kind: "description", description: { type: "offer", sdp: "p1" } });
  release();
  await making;
  expect(pcs.impolite.script).toEqual(["offer"]);
});

test("an offer right behind an answer is no collision", async () => {
  const { pcs, ends } = pair();
  await ends.impolite.offer();
  const release = pcs.impolite.hold();
  const answered = ends.impolite.receive({ kind: "description", description: { type: "answer", sdp: "p1" } });
  const offered = ends.impolite.receive({ kind: "description", description: { type: "offer", sdp: "p2" } });
  release();
  await Promise.all([answered, offered]);
  expect(pcs.impolite.script).toEqual(["offer", "remote answer p1", "remote offer p2", "tracks", "answer"]);
});

test("candidates of an ignored offer are ignored with it, others are not", async () => {
  const { pcs, ends } = pair();
  await ends.impolite.offer();
  await ends.impolite.receive({ kind: "description", description: { type: "offer", sdp: "p1" } });
  pcs.impolite.candidatesFit = false;
  await ends.impolite.receive({ kind: "candidate", candidate: { candidate: "of p1" } });
  await ends.impolite.receive({ kind: "description", description: { type: "answer", sdp: "p2" } });
  await expect(ends.impolite.receive({ kind: "candidate", candidate: { candidate: "x" } })).rejects.toThrow();
});

test("an offer that may be lost is repeated, an answered one is not", async () => {
  const { wire, ends, deliver } = pair();
  expect(ends.polite.repeatOffer()).toBe(false);
  await ends.polite.offer();
  wire.length = 0;
  expect(ends.polite.repeatOffer()).toBe(true);
  await deliver();
  expect(ends.polite.repeatOffer()).toBe(false);
});

test("one who has become polite gives way", async () => {
  const { pcs, ends } = pair();
  await ends.impolite.offer();
  ends.impolite.polite = true;
  await ends.impolite.receive({ kind: "description", description: { type: "offer", sdp: "p1" } });
  expect(pcs.impolite.script).toContain("rollback");
});

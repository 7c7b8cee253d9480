/** Two peer connections of this page that reach each other through a relay and by no other way. */
import type { RelayFact } from "../core/doctor/facts";
import type { IceServer } from "../generated/IceServer";
import { within } from "./doctor-pause";

export type LoopOutcome =
  | { readonly is: "open"; readonly loop: Loop }
  | Exclude<RelayFact["result"], { is: "works" }>;

/** UDP requests to a relay are given up after some nine seconds. */
const ALLOCATE_MS = 13_000;
const CONNECT_MS = 10_000;

export class Loop {
  /** Loses what the network loses. */
  readonly near: RTCDataChannel;
  readonly far: Promise<RTCDataChannel>;
  private readonly pcs: readonly [RTCPeerConnection, RTCPeerConnection];
  private relayed = false;
  private code: number | null = null;
  private readonly allocated: Promise<void>;

  private constructor(iceServers: readonly IceServer[]) {
    const make = () => new RTCPeerConnection({ iceServers: [...iceServers], iceTransportPolicy: "relay" });
    const [one, other] = [make(), make()];
    this.pcs = [one, other];
    this.near = one.createDataChannel("loop", { ordered: false, maxRetransmits: 0 });
    this.near.binaryType = "arraybuffer";
    this.far = new Promise((done) => {
      other.ondatachannel = ({ channel }) => {
        channel.binaryType = "arraybuffer";
        done(channel);
      };
    });
    this.allocated = new Promise((done) => {
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        from.onicecandidate = ({ candidate }) => {
          if (candidate === null) {
            // Both ask the same relay: what one is told, the other would be too.
            done();
            return;
          }
          if (candidate.candidate === "") return;
          this.relayed = true;
          done();
          handOver(candidate, to);
        };
        from.onicecandidateerror = ({ errorCode }) => {
          // 701 is the browser's own, for servers that cannot be reached.
          if (errorCode >= 300 && errorCode < 700) this.code = errorCode;
        };
      }
    });
  }

  /** Rejects when cancelled; what was opened is closed then. */
  static async open(iceServers: readonly IceServer[], signal: AbortSignal): Promise<LoopOutcome> {
    const loop = new Loop(iceServers);
    try {
      const outcome = await loop.connect(signal);
      if (outcome.is !== "open") loop.close();
      return outcome;
    } catch (error) {
      loop.close();
      throw error;
    }
  }

  close(): void {
    for (const pc of this.pcs) pc.close();
  }

  private async connect(signal: AbortSignal): Promise<LoopOutcome> {
    const [one, other] = this.pcs;
    await one.setLocalDescription();
    await other.setRemoteDescription(given(one));
    await other.setLocalDescription();
    await one.setRemoteDescription(given(other));
    await within(this.allocated, ALLOCATE_MS, signal);
    if (!this.relayed) return this.code === null ? { is: "silent" } : { is: "refused", code: this.code };
    const opened = new Promise<void>((done) => {
      if (this.near.readyState === "open") done();
      else this.near.onopen = () => done();
    });
    const both = Promise.all([opened, this.far]);
    return (await within(both, CONNECT_MS, signal)) ? { is: "open", loop: this } : { is: "no-traffic" };
  }
}

/** From one connection of this page to another. */
export function handOver(candidate: RTCIceCandidate, to: RTCPeerConnection): void {
  to.addIceCandidate(candidate).catch((error: unknown) => {
    // One of a connection that was closed meanwhile has nowhere to go.
    if (to.signalingState !== "closed") console.warn("a candidate cannot be tried", error);
  });
}

function given(pc: RTCPeerConnection): RTCSessionDescriptionInit {
  const { localDescription } = pc;
  if (localDescription === null) throw new Error("a description that was just set is not there");
  return localDescription;
}

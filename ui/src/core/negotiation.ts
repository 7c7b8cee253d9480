/**
 * Perfect negotiation (W3C WebRTC 10.7, JSEP 4.1.8.2): either side may offer at any time, and when both do, the
 * impolite one's offer stands. The `RTCPeerConnection` comes through an interface, so that a scripted fake can stand in.
 */

export interface Description {
  readonly type: string;
  readonly sdp?: string;
}

export interface Candidate {
  readonly candidate?: string;
  readonly sdpMid?: string | null;
  readonly sdpMLineIndex?: number | null;
  readonly usernameFragment?: string | null;
}

export interface NegotiatingPeer {
  readonly signalingState: string;
  readonly localDescription: Description | null;
  /** Without an argument: the offer or answer that the state calls for. */
  setLocalDescription(): Promise<void>;
  /** Rolls a local offer back by itself when `description` is an offer. */
  setRemoteDescription(description: Description): Promise<void>;
  addIceCandidate(candidate: Candidate): Promise<void>;
  /** A remote offer is in place: its transceivers get their tracks before the answer is made. */
  beforeAnswer(): Promise<void>;
}

export type Signal =
  | { readonly kind: "description"; readonly description: Description }
  | { readonly kind: "candidate"; readonly candidate: Candidate };

export class Negotiator {
  private makingOffer = false;
  private ignoreOffer = false;
  private settingRemoteAnswer = false;

  constructor(
    private readonly pc: NegotiatingPeer,
    public polite: boolean,
    private readonly send: (signal: Signal) => void,
  ) {}

  /** `negotiationneeded`: offers. */
  async offer(): Promise<void> {
    try {
      this.makingOffer = true;
      await this.pc.setLocalDescription();
      this.sendLocal();
    } finally {
      this.makingOffer = false;
    }
  }

  /** A local candidate was found. */
  found(candidate: Candidate): void {
    this.send({ kind: "candidate", candidate });
  }

  /** Signals must come in the order they were sent; the peer connection queues the operations they cause. */
  async receive(signal: Signal): Promise<void> {
    if (signal.kind === "description") await this.receiveDescription(signal.description);
    else await this.receiveCandidate(signal.candidate);
  }

  /** Sends an offer again that may have been lost. False when there is none to send. */
  repeatOffer(): boolean {
    if (this.pc.signalingState !== "have-local-offer") return false;
    this.sendLocal();
    return true;
  }

  private async receiveDescription(description: Description): Promise<void> {
    const ready = !this.makingOffer && (this.pc.signalingState === "stable" || this.settingRemoteAnswer);
    const collision = description.type === "offer" && !ready;
    this.ignoreOffer = !this.polite && collision;
    if (this.ignoreOffer) return;
    this.settingRemoteAnswer = description.type === "answer";
    try {
      await this.pc.setRemoteDescription(description);
    } finally {
      this.settingRemoteAnswer = false;
    }
    if (description.type !== "offer") return;
    await this.pc.beforeAnswer();
    await this.pc.setLocalDescription();
    this.sendLocal();
  }

  private async receiveCandidate(candidate: Candidate): Promise<void> {
    try {
      await this.pc.addIceCandidate(candidate);
    } catch (error) {
      // The candidates of an offer that was ignored have nowhere to go.
      if (!this.ignoreOffer) throw error;
    }
  }

  private sendLocal(): void {
    const description = this.pc.localDescription;
    if (description !== null) this.send({ kind: "description", description });
  }
}

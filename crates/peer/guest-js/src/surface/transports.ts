// RTCIceTransport, RTCDtlsTransport and RTCSctpTransport: faces of the one transport that bundling leaves.
import { IceCandidate } from "./description";
import { handlerAttributes } from "./handlers";

export interface IceParameters {
  usernameFragment: string;
  password: string;
}

let building = false;

/** What stands behind the faces; the connection turns it. */
export class Transport {
  readonly ice: IceTransport;
  readonly dtls: DtlsTransport;
  iceState: RTCIceTransportState = "new";
  gathering: RTCIceGathererState = "new";
  dtlsState: RTCDtlsTransportState = "new";
  role: RTCIceRole = "unknown";
  local: IceCandidate[] = [];
  remote: IceCandidate[] = [];
  pair: RTCIceCandidatePair | null = null;
  localParameters: IceParameters | null = null;
  remoteParameters: IceParameters | null = null;
  certificates: ArrayBuffer[] = [];
  /** Called when a candidate of the remote becomes known that can be tried. */
  remoteKnown: () => void = () => {};

  constructor() {
    building = true;
    try {
      this.ice = new IceTransport(this);
      this.dtls = new DtlsTransport(this);
    } finally {
      building = false;
    }
  }

  /** Sets the state of ICE and tells listeners. */
  setIce(state: RTCIceTransportState): void {
    if (state === this.iceState) return;
    this.iceState = state;
    this.ice.dispatchEvent(new Event("statechange"));
  }

  setGathering(state: RTCIceGathererState): void {
    if (state === this.gathering) return;
    this.gathering = state;
    this.ice.dispatchEvent(new Event("gatheringstatechange"));
  }

  setDtls(state: RTCDtlsTransportState): void {
    if (state === this.dtlsState) return;
    this.dtlsState = state;
    this.dtls.dispatchEvent(new Event("statechange"));
  }

  setPair(pair: RTCIceCandidatePair | null): void {
    const same =
      pair?.local?.candidate === this.pair?.local?.candidate &&
      pair?.remote?.candidate === this.pair?.remote?.candidate;
    if (same) return;
    this.pair = pair;
    this.ice.dispatchEvent(new Event("selectedcandidatepairchange"));
  }

  /** Takes the credentials of a description; new ones begin a generation without candidates. */
  setParameters(side: "local" | "remote", parameters: IceParameters): void {
    const member = `${side}Parameters` as const;
    if (this[member]?.usernameFragment !== parameters.usernameFragment) this[side] = [];
    this[member] = parameters;
  }

  /** Adds a candidate that is not known yet. */
  add(side: "local" | "remote", init: RTCIceCandidateInit): void {
    if (!init.candidate || this[side].some(({ candidate }) => candidate === init.candidate)) return;
    this[side].push(new IceCandidate({ sdpMLineIndex: 0, ...init }));
    if (side === "remote" && this.tries) this.remoteKnown();
  }

  /** Whether a candidate of the remote can be tried: one that waits for TCP waits in vain, as ours do, too. */
  get tries(): boolean {
    return this.remote.some(({ tcpType }) => tcpType !== "passive");
  }

  /** The known candidate with this attribute value, or one made from it. */
  known(side: "local" | "remote", candidate: string): IceCandidate {
    const same = (one: IceCandidate) => address(one.candidate) === address(candidate);
    return this[side].find(same) ?? new IceCandidate({ candidate, sdpMid: "0", sdpMLineIndex: 0 });
  }

  close(): void {
    this.iceState = "closed";
    this.dtlsState = "closed";
  }

  /** It is not needed any more: its sections are bundled with another's. */
  discard(): void {
    this.setIce("closed");
    this.setDtls("closed");
  }
}

/** The protocol, address and port of a candidate attribute. */
function address(candidate: string): string {
  const [, , protocol = "", , host, port] = candidate.split(" ");
  return [protocol.toLowerCase(), host, port].join(" ");
}

export class IceTransport extends EventTarget {
  #inside: Transport;

  constructor(inside: Transport) {
    if (!building) throw new TypeError("Illegal constructor");
    super();
    this.#inside = inside;
  }

  get role(): RTCIceRole {
    return this.#inside.role;
  }
  get component(): RTCIceComponent {
    void this.#inside;
    return "rtp";
  }
  get state(): RTCIceTransportState {
    return this.#inside.iceState;
  }
  get gatheringState(): RTCIceGathererState {
    return this.#inside.gathering;
  }

  getLocalCandidates(): IceCandidate[] {
    return [...this.#inside.local];
  }
  getRemoteCandidates(): IceCandidate[] {
    return [...this.#inside.remote];
  }
  getSelectedCandidatePair(): RTCIceCandidatePair | null {
    const { pair } = this.#inside;
    return pair && { ...pair };
  }
  getLocalParameters(): IceParameters | null {
    const { localParameters } = this.#inside;
    return localParameters && { ...localParameters };
  }
  getRemoteParameters(): IceParameters | null {
    const { remoteParameters } = this.#inside;
    return remoteParameters && { ...remoteParameters };
  }
}
handlerAttributes(IceTransport, ["statechange", "gatheringstatechange", "selectedcandidatepairchange"]);

export class DtlsTransport extends EventTarget {
  #inside: Transport;

  constructor(inside: Transport) {
    if (!building) throw new TypeError("Illegal constructor");
    super();
    this.#inside = inside;
  }

  get iceTransport(): IceTransport {
    return this.#inside.ice;
  }
  get state(): RTCDtlsTransportState {
    return this.#inside.dtlsState;
  }

  getRemoteCertificates(): ArrayBuffer[] {
    return this.#inside.certificates.map((der) => der.slice(0));
  }
}
handlerAttributes(DtlsTransport, ["statechange", "error"]);

/** Bytes: what we take ourselves, until the page has heard what the remote takes. A channel may be open a moment earlier. */
export const UNHEARD_MESSAGE_SIZE = 262_144;

/** What stands behind an RTCSctpTransport. */
export class Sctp {
  readonly face: SctpTransport;
  transport: DtlsTransport;
  state: RTCSctpTransportState = "connecting";
  /** Bytes. */
  maxMessageSize: number;
  maxChannels: number | null = null;

  constructor(transport: DtlsTransport, maxMessageSize: number) {
    this.transport = transport;
    this.maxMessageSize = maxMessageSize;
    building = true;
    try {
      this.face = new SctpTransport(this);
    } finally {
      building = false;
    }
  }

  setState(state: RTCSctpTransportState): void {
    if (state === this.state || this.state === "closed") return;
    this.state = state;
    this.face.dispatchEvent(new Event("statechange"));
  }

  /** Bytes that a message may have now. Until the association is up, `maxMessageSize` may be what an offer alone stands for. */
  messageMost(): number {
    return this.state === "connecting"
      ? Math.max(this.maxMessageSize, UNHEARD_MESSAGE_SIZE)
      : this.maxMessageSize;
  }
}

export class SctpTransport extends EventTarget {
  #inside: Sctp;

  constructor(inside: Sctp) {
    if (!building) throw new TypeError("Illegal constructor");
    super();
    this.#inside = inside;
  }

  get transport(): DtlsTransport {
    return this.#inside.transport;
  }
  get state(): RTCSctpTransportState {
    return this.#inside.state;
  }
  get maxMessageSize(): number {
    return this.#inside.maxMessageSize;
  }
  get maxChannels(): number | null {
    return this.#inside.maxChannels;
  }
}
handlerAttributes(SctpTransport, ["statechange"]);

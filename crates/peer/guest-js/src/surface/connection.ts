// RTCPeerConnection: the face that the page sees.
import type { ChannelInit, Kind, PeerEvent } from "../wire";
import type { DataChannel } from "./channel";
import { Channels } from "./channels";
import { Commands } from "./commands";
import { checkConfiguration } from "./configuration";
import { DtlsTransport, IceCandidate, SctpTransport, type SessionDescription } from "./description";
import { DataChannelEvent, PeerConnectionIceEvent } from "./events";
import { handlerAttributes } from "./handlers";
import { Lines } from "./lines";
import { Signaling } from "./signaling";
import { type Stats, StatsReport, select } from "./stats";
import type { Encoding, Receiver, Sender, Transceiver } from "./transceiver";

export interface TransceiverInit {
  direction?: RTCRtpTransceiverDirection;
  streams?: MediaStream[];
  sendEncodings?: Encoding[];
}

/** What a remote takes when its description says nothing (RFC 8841 6.1). */
const MESSAGE_SIZE = 65_536;

export class PeerConnection extends EventTarget {
  #configuration: RTCConfiguration;
  #commands: Commands;
  #dtls = new DtlsTransport();
  #sctp: SctpTransport | null = null;
  #lines: Lines;
  #channels: Channels;
  #signaling: Signaling;
  #closed = false;
  #connectionState: RTCPeerConnectionState = "new";
  #iceConnectionState: RTCIceConnectionState = "new";
  #iceGatheringState: RTCIceGatheringState = "new";

  constructor(configuration: RTCConfiguration = {}) {
    super();
    this.#configuration = checkConfiguration(configuration);
    this.#commands = new Commands(
      this.#configuration,
      (pc) =>
        this.#commands.runtime.listeners.set(pc, {
          receiving: (number) => this.#receiving(number),
          channelMessage: (channel, data) => this.#channels.message(channel, data),
          channelEvent: (event) => this.#channels.event(event),
        }),
      (event) => this.#heard(event),
    );
    this.#lines = new Lines(this.#commands, this.#dtls, () => this.#signaling.updateNeeded());
    this.#channels = new Channels(
      this.#commands,
      (channel) => this.dispatchEvent(new DataChannelEvent("datachannel", { channel })),
      () => this.#signaling.maxMessageSize ?? MESSAGE_SIZE,
    );
    this.#signaling = new Signaling(this, this.#commands, this.#lines, this.#channels, (event) =>
      this.#heard(event),
    );
  }

  static async generateCertificate(): Promise<never> {
    throw new DOMException("each connection makes its own certificate", "NotSupportedError");
  }

  get signalingState(): RTCSignalingState {
    return this.#signaling.state;
  }
  get connectionState(): RTCPeerConnectionState {
    return this.#connectionState;
  }
  get iceConnectionState(): RTCIceConnectionState {
    return this.#iceConnectionState;
  }
  get iceGatheringState(): RTCIceGatheringState {
    return this.#iceGatheringState;
  }
  get localDescription(): SessionDescription | null {
    return this.#signaling.pendingLocal ?? this.#signaling.currentLocal;
  }
  get currentLocalDescription(): SessionDescription | null {
    return this.#signaling.currentLocal;
  }
  get pendingLocalDescription(): SessionDescription | null {
    return this.#signaling.pendingLocal;
  }
  get remoteDescription(): SessionDescription | null {
    return this.#signaling.pendingRemote ?? this.#signaling.currentRemote;
  }
  get currentRemoteDescription(): SessionDescription | null {
    return this.#signaling.currentRemote;
  }
  get pendingRemoteDescription(): SessionDescription | null {
    return this.#signaling.pendingRemote;
  }
  get canTrickleIceCandidates(): boolean | null {
    const remote = this.remoteDescription;
    return remote ? /^a=ice-options:.*\btrickle\b/m.test(remote.sdp) : null;
  }
  get sctp(): SctpTransport | null {
    const { maxMessageSize } = this.#signaling;
    if (maxMessageSize === undefined) return null;
    if (this.#sctp?.maxMessageSize !== maxMessageSize)
      this.#sctp = new SctpTransport(this.#dtls, maxMessageSize);
    this.#sctp.state = this.#closed
      ? "closed"
      : this.#dtls.state === "connected"
        ? "connected"
        : "connecting";
    return this.#sctp;
  }

  async createOffer(options?: RTCOfferOptions): Promise<RTCSessionDescriptionInit> {
    this.#assertOpen();
    return this.#signaling.createOffer(options);
  }
  async createAnswer(): Promise<RTCSessionDescriptionInit> {
    this.#assertOpen();
    return this.#signaling.createAnswer();
  }
  async setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void> {
    this.#assertOpen();
    return this.#signaling.setLocal(description);
  }
  async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.#assertOpen();
    if (!description?.type) throw new TypeError("a description needs a type");
    return this.#signaling.setRemote(description);
  }
  async addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void> {
    const { sdpMid, sdpMLineIndex } = candidate ?? {};
    if (candidate?.candidate && (sdpMid ?? null) === null && (sdpMLineIndex ?? null) === null) {
      throw new TypeError("a candidate needs sdpMid or sdpMLineIndex");
    }
    this.#assertOpen();
    // A class instance would travel to Rust as an empty object.
    return this.#signaling.addCandidate(
      candidate ? new IceCandidate({ sdpMLineIndex: 0, ...plain(candidate) }).toJSON() : null,
    );
  }

  restartIce(): void {
    if (!this.#closed) this.#signaling.restartIce();
  }
  getConfiguration(): RTCConfiguration {
    return structuredClone(this.#configuration);
  }
  setConfiguration(configuration: RTCConfiguration = {}): void {
    this.#assertOpen();
    const next = checkConfiguration(configuration);
    if (next.bundlePolicy !== this.#configuration.bundlePolicy) {
      throw new DOMException("the bundle policy is fixed", "InvalidModificationError");
    }
    this.#configuration = next;
    this.#commands.post(() => ({ type: "set-configuration", configuration: next }));
  }

  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): Sender {
    this.#assertOpen();
    if (this.getSenders().some((sender) => sender.track === track)) {
      throw new DOMException("the track is sent already", "InvalidAccessError");
    }
    const { sender } = this.#lines.addTrack(track, [...new Set(streams.map(({ id }) => id))]);
    this.#signaling.updateNeeded();
    return sender;
  }
  removeTrack(sender: Sender): void {
    this.#assertOpen();
    const line = this.#lines.all().find((candidate) => candidate.sender === sender);
    if (!line) throw new DOMException("the sender is another connection's", "InvalidAccessError");
    if (line.stopped || !line.track) return;
    this.#lines.removeTrack(line);
    this.#signaling.updateNeeded();
  }
  addTransceiver(trackOrKind: MediaStreamTrack | string, init: TransceiverInit = {}): Transceiver {
    const track = typeof trackOrKind === "string" ? null : trackOrKind;
    const kind = (track?.kind ?? trackOrKind) as Kind;
    if (kind !== "audio" && kind !== "video") throw new TypeError(`"${kind}" is neither audio nor video`);
    if (init.direction === "stopped") throw new TypeError("a transceiver cannot begin stopped");
    if ((init.sendEncodings?.length ?? 0) > 1) {
      throw new DOMException("simulcast is not supported", "OperationError");
    }
    this.#assertOpen();
    const line = this.#lines.add(kind, {
      direction: init.direction ?? "sendrecv",
      track,
      streams: (init.streams ?? []).map(({ id }) => id),
      encodings: (init.sendEncodings ?? []).map((encoding) => ({ active: true, ...encoding })),
    });
    this.#signaling.updateNeeded();
    return line.transceiver;
  }
  getTransceivers(): Transceiver[] {
    return this.#live().map(({ transceiver }) => transceiver);
  }
  getSenders(): Sender[] {
    return this.#live().map(({ sender }) => sender);
  }
  getReceivers(): Receiver[] {
    return this.#live().map(({ receiver }) => receiver);
  }

  createDataChannel(label: string, init: RTCDataChannelInit = {}): DataChannel {
    this.#assertOpen();
    const { ordered = true, maxRetransmits, maxPacketLifeTime, protocol = "", negotiated = false, id } = init;
    if (maxRetransmits !== undefined && maxPacketLifeTime !== undefined) {
      throw new TypeError("maxRetransmits and maxPacketLifeTime exclude each other");
    }
    const encoder = new TextEncoder();
    if (encoder.encode(label).length > 65_535 || encoder.encode(protocol).length > 65_535) {
      throw new TypeError("the label or the protocol is too long");
    }
    if (negotiated && id === undefined) throw new TypeError("a negotiated channel needs an id");
    if (negotiated && id !== undefined && (id < 0 || id > 65_534))
      throw new TypeError("the id is out of range");
    const first = !this.#channels.any;
    const channelInit: ChannelInit = {
      label: String(label),
      ordered,
      protocol,
      negotiated,
      ...(maxRetransmits !== undefined && { maxRetransmits }),
      ...(maxPacketLifeTime !== undefined && { maxPacketLifeTime }),
      ...(negotiated && id !== undefined && { id }),
    };
    const channel = this.#channels.create(channelInit);
    if (first) this.#signaling.updateNeeded();
    return channel;
  }

  async getStats(selector: MediaStreamTrack | null = null): Promise<StatsReport> {
    if (this.#closed) return new StatsReport();
    if (!selector) return new StatsReport(await this.#commands.stats<Stats[]>());
    const matches = this.#live().flatMap((line) => [
      ...(line.track === selector ? [{ line, side: "outbound-rtp" as const }] : []),
      ...(line.remote.track === selector ? [{ line, side: "inbound-rtp" as const }] : []),
    ]);
    const [match] = matches;
    if (!match || matches.length > 1) {
      throw new DOMException("the track has not exactly one sender or receiver here", "InvalidAccessError");
    }
    return new StatsReport(select(await this.#commands.stats<Stats[]>(), match.line.mid, match.side));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connectionState = "closed";
    this.#iceConnectionState = "closed";
    this.#dtls.state = "closed";
    this.#dtls.iceTransport.state = "closed";
    this.#signaling.close();
    this.#lines.close();
    this.#channels.close();
    this.#commands.close();
  }

  #live() {
    return this.#closed ? [] : this.#lines.all().filter((line) => !line.stopped);
  }

  #assertOpen(): void {
    if (this.#closed) throw new DOMException("the connection is closed", "InvalidStateError");
  }

  #receiving(number: number): void {
    const line = this.#lines.byNumber(number);
    if (line?.receiving) line.muted = false;
    else if (line) this.#lines.expect(line);
  }

  #heard(event: PeerEvent): void {
    if (this.#closed) return;
    switch (event.type) {
      case "ice-candidate":
        if (!this.#signaling.hold(event)) this.#candidate(event.candidate);
        break;
      case "ice-gathering-state":
        if (this.#signaling.hold(event) || event.state === this.#iceGatheringState) break;
        this.#iceGatheringState = event.state;
        this.#dtls.iceTransport.gatheringState = event.state;
        this.dispatchEvent(new Event("icegatheringstatechange"));
        break;
      case "ice-connection-state":
        if (event.state === this.#iceConnectionState) break;
        this.#iceConnectionState = event.state;
        this.#dtls.iceTransport.state = event.state;
        this.#dtls.iceTransport.dispatchEvent(new Event("statechange"));
        this.dispatchEvent(new Event("iceconnectionstatechange"));
        break;
      case "connection-state":
        if (event.state === this.#connectionState) break;
        this.#connectionState = event.state;
        if (event.state === "connected") this.#lines.flow();
        this.dispatchEvent(new Event("connectionstatechange"));
        break;
      case "dtls-state":
        if (event.state === this.#dtls.state) break;
        this.#dtls.state = event.state;
        if (event.state === "connected") this.#lines.flow();
        this.#dtls.dispatchEvent(new Event("statechange"));
        break;
    }
  }

  #candidate(init: RTCIceCandidateInit | null): void {
    if (init?.candidate) this.#signaling.found(init);
    const candidate = init ? new IceCandidate({ sdpMLineIndex: 0, ...init }) : null;
    this.dispatchEvent(new PeerConnectionIceEvent("icecandidate", { candidate }));
  }
}
handlerAttributes(PeerConnection.prototype, [
  "negotiationneeded",
  "icecandidate",
  "icecandidateerror",
  "signalingstatechange",
  "iceconnectionstatechange",
  "icegatheringstatechange",
  "connectionstatechange",
  "track",
  "datachannel",
]);

function plain({
  candidate,
  sdpMid,
  sdpMLineIndex,
  usernameFragment,
}: RTCIceCandidateInit): RTCIceCandidateInit {
  return {
    ...(candidate !== undefined && { candidate }),
    ...(sdpMid !== undefined && sdpMid !== null && { sdpMid }),
    ...(sdpMLineIndex !== undefined && sdpMLineIndex !== null && { sdpMLineIndex }),
    ...(usernameFragment !== undefined && { usernameFragment }),
  };
}

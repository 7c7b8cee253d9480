// RTCPeerConnection: the face that the page sees.
import type { Kind } from "../wire";
import { videoCodecs } from "./capabilities";
import { type Certificate, generate, numberOf } from "./certificate";
import type { DataChannel } from "./channel";
import { channelInit, checkChannel } from "./channel-init";
import { Channels } from "./channels";
import { Commands } from "./commands";
import { checkConfiguration, copyOf, readConfiguration, type Settings } from "./configuration";
import { candidateInit, descriptionInit, localDescriptionInit, type SessionDescription } from "./description";
import type { Descriptions } from "./descriptions";
import { DataChannelEvent } from "./events";
import { handlerAttributes } from "./handlers";
import {
  boolean,
  type Converter,
  dictionary,
  enumeration,
  instance,
  needs,
  nullable,
  scalars,
  sequence,
} from "./idl";
import { Lines } from "./lines";
import { type Encoding, firstEncodings } from "./parameters";
import { Signaling } from "./signaling";
import { States } from "./states";
import { makeReport, type StatsReport } from "./stats";
import { type Receiver, Sender, type Transceiver } from "./transceiver";
import { type Sctp, type SctpTransport, Transport, UNHEARD_MESSAGE_SIZE } from "./transports";

const offerOptions = dictionary<RTCOfferOptions>({
  iceRestart: { type: boolean, standard: false },
  offerToReceiveAudio: { type: boolean },
  offerToReceiveVideo: { type: boolean },
});

const raw: Converter<unknown> = (value) => value;
const transceiverInit = dictionary<{
  direction?: RTCRtpTransceiverDirection;
  streams?: MediaStream[];
  sendEncodings?: unknown;
}>({
  direction: {
    type: enumeration<RTCRtpTransceiverDirection>("sendrecv", "sendonly", "recvonly", "inactive", "stopped"),
    standard: "sendrecv",
  },
  streams: { type: sequence(instance(() => MediaStream)), standard: () => [] },
  sendEncodings: { type: raw },
});

const isTrack = instance(() => MediaStreamTrack);
const isStream = instance(() => MediaStream);
const isSender = instance(() => Sender);

/** The callbacks of the old form of a method. */
type Success<T> = (value: T) => void;
type Failure = (error: unknown) => void;

/** Serves the old form: whatever happens goes to the callbacks, and the promise is fulfilled. */
function told<T>(operation: () => Promise<T>, success: unknown, failure: unknown): Promise<undefined> {
  if (typeof success !== "function" || typeof failure !== "function")
    return Promise.reject(new TypeError("the callbacks are no functions"));
  operation().then(success as Success<T>, failure as Failure);
  return Promise.resolve(undefined);
}

export class PeerConnection extends EventTarget {
  #settings: Settings;
  #commands: Commands;
  #transport = new Transport();
  #lines: Lines;
  #channels: Channels;
  #signaling: Signaling;
  #states: States;
  #closed = false;

  constructor(configuration: RTCConfiguration = {}) {
    super();
    this.#settings = checkConfiguration(readConfiguration(configuration));
    const { certificates, ...rest } = this.#settings;
    // 96 random bits (RFC 7022, 4.2).
    const cname = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12))));
    this.#commands = new Commands(
      { ...rest, certificates: certificates.map(numberOf), cname, codecs: videoCodecs() },
      (event) => this.#signaling.hear(event),
    );
    this.#commands.runtime.listeners.set(this.#commands.number, {
      receiving: (number) => this.#receiving(number),
      heard: (number, heard) => this.#lines.heard(number, heard),
      channelMessage: (channel, data, bytes) => this.#channels.message(channel, data, bytes),
      channelEvent: (event) => this.#channels.event(event),
    });
    this.#lines = new Lines(
      this.#commands,
      this.#transport,
      cname,
      () => this.#signaling.updateNeeded(),
      () => this.#descriptions.inForce,
      (operation) => this.#signaling.enqueue(operation),
    );
    this.#lines.insertable = this.#settings.encodedInsertableStreams ?? false;
    this.#channels = new Channels(
      this.#commands,
      (channel) => this.dispatchEvent(new DataChannelEvent("datachannel", { channel })),
      () => this.#sctpInside?.messageMost() ?? UNHEARD_MESSAGE_SIZE,
    );
    this.#signaling = new Signaling(
      this,
      this.#commands,
      this.#lines,
      this.#channels,
      this.#transport,
      this.#settings.bundlePolicy === "max-bundle",
      (event) => this.#states.hear(event),
    );
    const { candidates, bundle } = this.#signaling;
    this.#states = new States(this, this.#transport, this.#lines, candidates, bundle);
  }

  static generateCertificate(keygenAlgorithm: AlgorithmIdentifier): Promise<Certificate> {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    const given = arguments.length;
    return given === 0 ? Promise.reject(new TypeError("an algorithm is needed")) : generate(keygenAlgorithm);
  }

  get signalingState(): RTCSignalingState {
    return this.#signaling.state;
  }
  get connectionState(): RTCPeerConnectionState {
    return this.#states.connection;
  }
  get iceConnectionState(): RTCIceConnectionState {
    return this.#states.ice;
  }
  get iceGatheringState(): RTCIceGatheringState {
    return this.#states.gathering;
  }
  get localDescription(): SessionDescription | null {
    return this.#descriptions.show(this.#descriptions.local);
  }
  get currentLocalDescription(): SessionDescription | null {
    return this.#descriptions.show(this.#descriptions.currentLocal);
  }
  get pendingLocalDescription(): SessionDescription | null {
    return this.#descriptions.show(this.#descriptions.pendingLocal);
  }
  get remoteDescription(): SessionDescription | null {
    return this.#descriptions.show(this.#descriptions.remote);
  }
  get currentRemoteDescription(): SessionDescription | null {
    return this.#descriptions.show(this.#descriptions.currentRemote);
  }
  get pendingRemoteDescription(): SessionDescription | null {
    return this.#descriptions.show(this.#descriptions.pendingRemote);
  }
  get canTrickleIceCandidates(): boolean | null {
    const { remote } = this.#descriptions;
    return remote ? /^a=ice-options:.*\btrickle\b/m.test(remote.sdp) : null;
  }
  get sctp(): SctpTransport | null {
    return this.#sctpInside?.face ?? null;
  }

  get #descriptions(): Descriptions {
    return this.#signaling.descriptions;
  }
  get #sctpInside(): Sctp | null {
    return this.#signaling.bundle.sctp;
  }

  async createOffer(...given: unknown[]): Promise<RTCSessionDescriptionInit> {
    const [success, failure, last] = given;
    if (given.length > 1)
      return told(
        () => this.#createOffer(last),
        success,
        failure,
      ) as unknown as Promise<RTCSessionDescriptionInit>;
    return this.#createOffer(success);
  }
  async createAnswer(...given: unknown[]): Promise<RTCSessionDescriptionInit> {
    const [success, failure] = given;
    if (given.length > 1)
      return told(
        () => this.#createAnswer(),
        success,
        failure,
      ) as unknown as Promise<RTCSessionDescriptionInit>;
    return this.#createAnswer();
  }
  async setLocalDescription(...given: unknown[]): Promise<void> {
    const [description, success, failure] = given;
    if (given.length > 1) return told(() => this.#setLocal(description), success, failure);
    return this.#setLocal(description);
  }
  async setRemoteDescription(...given: unknown[]): Promise<void> {
    const [description, success, failure] = given;
    if (given.length > 1) return told(() => this.#setRemote(description), success, failure);
    needs(given, 1);
    return this.#setRemote(description);
  }
  async addIceCandidate(...given: unknown[]): Promise<void> {
    const [candidate, success, failure] = given;
    if (given.length > 1) return told(() => this.#addCandidate(candidate), success, failure);
    return this.#addCandidate(candidate);
  }

  async #createOffer(options: unknown): Promise<RTCSessionDescriptionInit> {
    const { iceRestart = false, offerToReceiveAudio, offerToReceiveVideo } = offerOptions(options, "options");
    this.#assertOpen();
    this.#toReceive("audio", offerToReceiveAudio);
    this.#toReceive("video", offerToReceiveVideo);
    return this.#signaling.createOffer(iceRestart);
  }
  async #createAnswer(): Promise<RTCSessionDescriptionInit> {
    this.#assertOpen();
    return this.#signaling.createAnswer();
  }
  async #setLocal(given: unknown): Promise<void> {
    const description = localDescriptionInit(given, "the description");
    this.#assertOpen();
    return this.#signaling.setLocal(description);
  }
  async #setRemote(given: unknown): Promise<void> {
    const description = descriptionInit(given, "the description");
    this.#assertOpen();
    return this.#signaling.setRemote(description);
  }
  async #addCandidate(given: unknown): Promise<void> {
    const init = candidateInit(given, "the candidate");
    if (init.candidate && (init.sdpMid ?? null) === null && (init.sdpMLineIndex ?? null) === null)
      throw new TypeError("a candidate needs sdpMid or sdpMLineIndex");
    this.#assertOpen();
    return this.#signaling.candidates.add(init);
  }

  /** The old `offerToReceive…` (WebRTC 4.4.3.2): directions of what is there, or a transceiver to receive with. */
  #toReceive(kind: Kind, wanted: boolean | undefined): void {
    if (wanted === undefined) return;
    const lines = this.#lines.all().filter((line) => line.kind === kind && !line.stopping);
    if (!wanted) {
      for (const line of lines) {
        if (line.direction === "sendrecv") this.#lines.setDirection(line, "sendonly");
        else if (line.direction === "recvonly") this.#lines.setDirection(line, "inactive");
      }
    } else if (!lines.some(({ direction }) => direction === "sendrecv" || direction === "recvonly")) {
      this.addTransceiver(kind, { direction: "recvonly" });
    }
  }

  restartIce(): void {
    if (!this.#closed) this.#signaling.restartIce();
  }
  getConfiguration(): RTCConfiguration {
    return copyOf(this.#settings) as unknown as RTCConfiguration;
  }
  setConfiguration(configuration: RTCConfiguration = {}): void {
    const given = readConfiguration(configuration);
    this.#assertOpen();
    const next = checkConfiguration(given, this.#settings);
    const { certificates, ...rest } = next;
    if (next.iceCandidatePoolSize !== this.#settings.iceCandidatePoolSize && this.localDescription)
      throw new DOMException("iceCandidatePoolSize cannot be changed any more", "InvalidModificationError");
    this.#settings = next;
    this.#commands.post(() => ({
      type: "set-configuration",
      configuration: { ...rest, certificates: certificates.map(numberOf) },
    }));
  }

  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): Sender {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const one = isTrack(track, "the track");
    const ids = streams.map((stream) => isStream(stream, "the stream").id);
    this.#assertOpen();
    if (this.getSenders().some((sender) => sender.track === one)) {
      throw new DOMException("the track is sent already", "InvalidAccessError");
    }
    const { sender } = this.#lines.addTrack(one, [...new Set(ids)]);
    this.#signaling.updateNeeded();
    return sender;
  }
  removeTrack(sender: Sender): void {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const one = isSender(sender, "the sender");
    this.#assertOpen();
    const line = this.#lines.all().find((candidate) => candidate.sender === one);
    if (!line) throw new DOMException("the sender is another connection's", "InvalidAccessError");
    if (line.stopping || !line.track) return;
    this.#lines.removeTrack(line);
    this.#signaling.updateNeeded();
  }
  addTransceiver(
    trackOrKind: MediaStreamTrack | string,
    init: {
      direction?: RTCRtpTransceiverDirection;
      streams?: MediaStream[];
      sendEncodings?: Encoding[];
    } = {},
  ): Transceiver {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const track = trackOrKind instanceof MediaStreamTrack ? trackOrKind : null;
    const kind = (track?.kind ?? `${trackOrKind}`) as Kind;
    const { direction = "sendrecv", streams = [], sendEncodings } = transceiverInit(init, "init");
    if (kind !== "audio" && kind !== "video") throw new TypeError(`"${kind}" is neither audio nor video`);
    this.#assertOpen();
    const encodings = firstEncodings(sendEncodings, kind);
    if (direction === "stopped") throw new TypeError("a transceiver cannot begin stopped");
    const line = this.#lines.add(kind, { direction, track, streams: streams.map(({ id }) => id), encodings });
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

  createDataChannel(label: string, dataChannelDict: RTCDataChannelInit = {}): DataChannel {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const name = scalars(label, "the label");
    const init = channelInit(dataChannelDict, "init");
    this.#assertOpen();
    const full = checkChannel(name, init);
    if (full.id !== undefined && this.#channels.taken(full.id))
      throw new DOMException("the id is in use", "OperationError");
    const first = !this.#channels.any;
    const channel = this.#channels.create(full);
    if (first) this.#signaling.updateNeeded();
    return channel;
  }

  async getStats(selector: MediaStreamTrack | null = null): Promise<StatsReport> {
    const track = nullable(isTrack)(selector, "the selector");
    if (track) {
      const matches = this.#live().flatMap((line) => [
        ...(line.track === track ? [{ line, side: "outbound-rtp" as const }] : []),
        ...(line.remote.track === track ? [{ line, side: "inbound-rtp" as const }] : []),
      ]);
      const [match] = matches;
      if (!match || matches.length > 1) {
        throw new DOMException("the track has not exactly one sender or receiver here", "InvalidAccessError");
      }
      return this.#lines.stats(match.line, match.side);
    }
    return makeReport(this.#closed ? [] : this.#channels.stats(await this.#commands.stats()));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#states.close();
    this.#transport.close();
    this.#signaling.close();
    this.#lines.close();
    this.#channels.close();
    this.#commands.close();
  }

  #live() {
    return this.#lines.all().filter((line) => !line.removed);
  }

  #assertOpen(): void {
    if (this.#closed) throw new DOMException("the connection is closed", "InvalidStateError");
  }

  #receiving(number: number): void {
    const line = this.#lines.byNumber(number);
    if (line?.receiving) line.muted = false;
    else if (line) this.#lines.expect(line);
  }
}
handlerAttributes(PeerConnection, [
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

// One m-line in the making: the state behind a transceiver, its sender and its receiver.
import type { RemoteTrack } from "../media/media";
import type { AudioCodecName, Direction, H264Level, Kind, VideoCodecName } from "../wire";
import type { Side } from "../worker/transform-messages";
import { capabilities, codecName } from "./capabilities";
import { find } from "./codec";
import { type DtmfSender, makeDtmfSender } from "./dtmf";
import { checkCodecs, checkEncodings, type Encoding, modified, proposedEncodings } from "./parameters";
import { sends } from "./sdp";
import type { StatsReport } from "./stats";
import { faces, type Receiver, type Sender, type Transceiver } from "./transceiver";
import { SideOfLine } from "./transform";
import type { DtlsTransport } from "./transports";

/** What a transceiver asks of its connection. */
export interface LineHost {
  readonly closed: boolean;
  readonly connected: boolean;
  readonly cname: string;
  /** What the descriptions in force say of a line's codecs, header extensions and RTCP. */
  negotiated(line: Line): RTCRtpParameters | undefined;
  setDirection(line: Line, direction: Direction): void;
  stop(line: Line): void;
  replaceTrack(line: Line, track: MediaStreamTrack | null): Promise<void>;
  setStreams(line: Line, streams: MediaStream[]): void;
  preferCodecs(line: Line, codecs: RTCRtpCodec[]): void;
  limitsChanged(line: Line): void;
  /** Has the encoder of a layer begin anew. */
  makeKeyFrame(line: Line, layer: number): void;
  /** `encodedInsertableStreams` is set. */
  readonly insertable: boolean;
  transformChanged(line: Line, side: Side): void;
  playTone(line: Line, tone: string, duration: number): void;
  /** What comes is to wait at least so many milliseconds before it is heard or seen. */
  holdBack(line: Line, target: number | null): void;
  sources(line: Line): RTCRtpSynchronizationSource[];
  stats(line: Line, side: "inbound-rtp" | "outbound-rtp"): Promise<StatsReport>;
}

export class Line {
  readonly host: LineHost;
  readonly kind: Kind;
  readonly remote: RemoteTrack;
  readonly transceiver: Transceiver;
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly dtmf: DtmfSender | null;
  /** What is done to its frames. */
  readonly transforms: Record<Side, SideOfLine>;
  /** Rust's number, once it has given one. */
  number: number | undefined;
  mid: string | null = null;
  direction: Direction;
  currentDirection: Direction | null = null;
  stopping = false;
  stopped = false;
  /** It is none of the connection's transceivers any more: its section was rejected. */
  removed = false;
  track: MediaStreamTrack | null;
  /** Ids of the streams that the sender is part of, and those last told to the other end. */
  streams: string[];
  advertised: string[] = [];
  encodings: Encoding[];
  degradationPreference: RTCDegradationPreference | undefined;
  /** The SSRCs of the encodings, in their order. */
  ssrcs: number[] = [];
  /** What is sent, once something is agreed on, where an encoding names no other. */
  codec: VideoCodecName | AudioCodecName | undefined;
  /** What the remote takes of H.264. */
  h264: H264Level | null = null;
  /** It has been sendrecv or sendonly: `addTrack` may not use it again. */
  hasSent = false;
  /** The track whose frames go to Rust now. */
  sending: MediaStreamTrack | null = null;
  receiving = false;
  remoteStreams: string[] = [];
  /** The voice or video that comes here, as it was played last. */
  heard: RTCRtpSynchronizationSource | undefined;
  /** The remote's description made it. */
  byRemote = false;
  /** A description has given it a transport. */
  transport: DtlsTransport | null = null;
  #muted = true;
  #transaction = 0;
  /** The names of the layers as they were first proposed. */
  #places: string[] = [];
  /** Those that the remote has paused. */
  #paused = new Set<string>();
  /** The encodings that the remote's layers have taken the place of. */
  #unlayered: Encoding[] | undefined;
  #returned: RTCRtpSendParameters | undefined;

  constructor(
    host: LineHost,
    kind: Kind,
    remote: RemoteTrack,
    init: { direction: Direction; track: MediaStreamTrack | null; streams: string[]; encodings: Encoding[] },
  ) {
    this.host = host;
    this.kind = kind;
    this.remote = remote;
    this.direction = init.direction;
    this.track = init.track;
    this.streams = init.streams;
    this.encodings =
      init.encodings.length > 0
        ? init.encodings
        : [kind === "video" ? { active: true, scaleResolutionDownBy: 1 } : { active: true }];
    this.#places = this.encodings.flatMap(({ rid }) => rid ?? []);
    Object.defineProperty(remote.track, "muted", {
      configurable: true,
      enumerable: true,
      get: () => this.#muted,
    });
    const line = this;
    this.transforms = { send: new SideOfLine(this, "send"), receive: new SideOfLine(this, "receive") };
    this.dtmf =
      kind === "audio"
        ? makeDtmfSender({
            get mayInsert() {
              return !line.stopping && sends(line.currentDirection);
            },
            get canInsert() {
              return host.connected && this.mayInsert && line.hasTones();
            },
            play: (tone, duration) => host.playTone(line, tone, duration),
          })
        : null;
    ({ sender: this.sender, receiver: this.receiver, transceiver: this.transceiver } = faces(this));
  }

  /** Sets what `receiver.track.muted` says and fires `mute` or `unmute` when it changes. */
  set muted(muted: boolean) {
    if (this.#muted === muted || this.remote.track.readyState === "ended") return;
    this.#muted = muted;
    this.remote.track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
  }

  hasTones(): boolean {
    return this.common().codecs.some(({ mimeType }) => mimeType.toLowerCase() === "audio/telephone-event");
  }

  /** The place of an encoding's layer in the simulcast as it was first proposed; it lasts when others are rejected. */
  place({ rid }: Encoding): number {
    return Math.max(0, this.#places.indexOf(rid ?? ""));
  }

  /**
   * Takes over which layers are offered or agreed on, and which of them the remote wants paused. `undone`: the offer
   * that proposed them is rolled back.
   */
  layer(rids: string[], asked: Map<string, boolean>, undone: boolean): void {
    const known = this.encodings.flatMap(({ rid }) => rid ?? []);
    const { length } = this.encodings;
    const [first = { active: true }] = this.encodings;
    if (known.length === 0 && rids.length > 0) {
      this.#unlayered = this.encodings;
      this.encodings = proposedEncodings(rids);
      this.#places = rids;
    } else if (undone && rids.length === 0 && this.#unlayered) {
      this.encodings = this.#unlayered;
      this.#places = [];
    } else if (rids.length === 0 && length > 1) {
      this.encodings = [first];
    } else if (rids.length > 0 && rids.length < length) {
      this.encodings = this.encodings.filter(({ rid }) => rid && rids.includes(rid));
    }
    const paused = this.#pause(asked);
    if (known.length === 0 ? rids.length === 0 : this.encodings.length === length && !paused) return;
    this.#returned = undefined;
    this.host.limitsChanged(this);
  }

  /** Only what the remote has paused goes on at its word: the page may have reasons of its own. True if anything did. */
  #pause(asked: Map<string, boolean>): boolean {
    const concerned = this.encodings.filter(({ rid = "", active }) =>
      active ? asked.get(rid) === true : asked.get(rid) === false && this.#paused.has(rid),
    );
    for (const encoding of concerned) {
      const { rid = "" } = encoding;
      if (encoding.active) this.#paused.add(rid);
      else this.#paused.delete(rid);
      encoding.active = !encoding.active;
    }
    return concerned.length > 0;
  }

  /** What is agreed on cannot be undone any more, and what is not cannot be sent. */
  settle(): void {
    this.#unlayered = undefined;
    const { codecs } = this.common();
    if (codecs.length === 0) return;
    const lost = this.encodings.filter(({ codec }) => codec && !find(codecs, codec, true));
    if (lost.length === 0) return;
    for (const encoding of lost) delete encoding.codec;
    this.#returned = undefined;
    this.host.limitsChanged(this);
  }

  /** Takes over the codecs that are agreed on, of which the first one is sent, and what the remote takes of H.264. */
  agree([first]: string[], h264: H264Level | null): void {
    const codec = codecName(first);
    if (codec === this.codec && JSON.stringify(h264) === JSON.stringify(this.h264)) return;
    this.codec = codec;
    this.h264 = h264;
    this.host.limitsChanged(this);
  }

  parameters(): RTCRtpSendParameters {
    const { rtcp, ...common } = this.common();
    this.#returned = {
      transactionId: `${++this.#transaction}`,
      encodings: this.encodings,
      ...(this.degradationPreference && { degradationPreference: this.degradationPreference }),
      ...common,
      rtcp: { cname: this.host.cname, ...rtcp },
    };
    return structuredClone(this.#returned);
  }

  /** What both directions have in common. */
  common(): RTCRtpParameters {
    return this.host.negotiated(this) ?? { codecs: [], headerExtensions: [], rtcp: { reducedSize: false } };
  }

  /** `keyFrames`: of which encodings the next picture shall be a key frame; none, or one word for each. */
  setParameters(parameters: RTCRtpSendParameters, keyFrames: boolean[] = []): void {
    if (this.stopping) throw new DOMException("the transceiver is stopped", "InvalidStateError");
    const returned = this.#returned;
    if (!returned) throw new DOMException("getParameters comes first", "InvalidStateError");
    if (parameters.transactionId !== returned.transactionId || modified(parameters, returned))
      throw new DOMException("only encodings' values can be changed", "InvalidModificationError");
    const { codecs } = parameters;
    const known = codecs.length > 0 ? codecs : (capabilities(this.kind)?.codecs ?? []);
    checkCodecs(parameters.encodings, known, "InvalidModificationError", true);
    const encodings = checkEncodings(parameters.encodings, this.kind).map((encoding) => ({ ...encoding }));
    const wanted = this.kind === "video" ? keyFrames : [];
    if (wanted.length > 0 && wanted.length !== encodings.length)
      throw new DOMException("there must be options for each encoding", "InvalidModificationError");
    this.encodings = encodings;
    this.degradationPreference = parameters.degradationPreference;
    if (this.kind === "video") for (const encoding of this.encodings) encoding.scaleResolutionDownBy ??= 1;
    this.#returned = undefined;
    this.host.limitsChanged(this);
    for (const [index, encoding] of encodings.entries())
      if (wanted[index]) this.host.makeKeyFrame(this, this.place(encoding));
  }
}

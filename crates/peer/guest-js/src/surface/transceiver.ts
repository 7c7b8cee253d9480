// RTCRtpTransceiver, RTCRtpSender and RTCRtpReceiver: faces of one `Line`, which the connection turns.
import type { RemoteTrack } from "../media/media";
import type { Direction, Kind } from "../wire";
import { capabilities } from "./capabilities";
import type { DtlsTransport } from "./description";
import type { StatsReport } from "./stats";

/** What a transceiver asks of its connection. */
export interface LineHost {
  readonly closed: boolean;
  readonly dtls: DtlsTransport;
  setDirection(line: Line, direction: Direction): void;
  stop(line: Line): void;
  replaceTrack(line: Line, track: MediaStreamTrack | null): Promise<void>;
  setStreams(line: Line, streams: MediaStream[]): void;
  limitsChanged(line: Line): void;
  stats(line: Line, side: "inbound-rtp" | "outbound-rtp"): Promise<StatsReport>;
}

export interface Encoding extends RTCRtpEncodingParameters {
  maxFramerate?: number;
}

let building = false;

/** One m-line in the making: the state behind the three objects that the page sees. */
export class Line {
  readonly host: LineHost;
  readonly kind: Kind;
  readonly remote: RemoteTrack;
  readonly transceiver: Transceiver;
  readonly sender: Sender;
  readonly receiver: Receiver;
  /** Rust's number, once it has given one. */
  number: number | undefined;
  mid: string | null = null;
  direction: Direction;
  currentDirection: Direction | null = null;
  stopping = false;
  stopped = false;
  track: MediaStreamTrack | null;
  /** Ids of the streams that the sender is part of, and those last told to the other end. */
  streams: string[];
  advertised: string[] = [];
  encodings: Encoding[];
  /** It has been sendrecv or sendonly: `addTrack` may not use it again. */
  hasSent = false;
  /** The track whose frames go to Rust now. */
  sending: MediaStreamTrack | null = null;
  receiving = false;
  remoteStreams: string[] = [];
  #muted = true;
  #transaction = 0;

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
    this.encodings = init.encodings.length > 0 ? init.encodings : [{ active: true }];
    Object.defineProperty(remote.track, "muted", {
      configurable: true,
      enumerable: true,
      get: () => this.#muted,
    });
    building = true;
    try {
      this.sender = new Sender(this);
      this.receiver = new Receiver(this);
      this.transceiver = new Transceiver(this);
    } finally {
      building = false;
    }
  }

  /** Sets what `receiver.track.muted` says and fires `mute` or `unmute` when it changes. */
  set muted(muted: boolean) {
    if (this.#muted === muted || this.remote.track.readyState === "ended") return;
    this.#muted = muted;
    this.remote.track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
  }

  parameters(): RTCRtpSendParameters {
    return {
      transactionId: String(++this.#transaction),
      encodings: this.encodings.map((encoding) => ({ ...encoding })),
      ...this.common(),
    };
  }

  /** What both directions have in common. */
  common(): RTCRtpParameters {
    const codec = capabilities(this.kind)?.codecs[0];
    return {
      codecs: codec ? [{ ...codec, payloadType: this.kind === "audio" ? 111 : 96 }] : [],
      headerExtensions: [],
      rtcp: { cname: "", reducedSize: true },
    };
  }

  setParameters(parameters: RTCRtpSendParameters): void {
    if (parameters.transactionId !== String(this.#transaction)) {
      throw new DOMException("getParameters comes first", "InvalidModificationError");
    }
    if (parameters.encodings.length !== this.encodings.length) {
      throw new DOMException("the number of encodings is fixed", "InvalidModificationError");
    }
    if (parameters.encodings.some(({ scaleResolutionDownBy = 1 }) => scaleResolutionDownBy < 1)) {
      throw new RangeError("scaleResolutionDownBy is less than 1");
    }
    this.encodings = parameters.encodings.map((encoding) => ({ ...encoding }));
    this.host.limitsChanged(this);
  }
}

export class Sender {
  readonly dtmf = null;
  readonly transform = null;
  #line: Line;

  constructor(line: Line) {
    if (!building) throw new TypeError("Illegal constructor");
    this.#line = line;
  }

  static getCapabilities(kind: string): RTCRtpCapabilities | null {
    return capabilities(kind);
  }

  get track(): MediaStreamTrack | null {
    return this.#line.track;
  }
  get transport(): DtlsTransport | null {
    return this.#line.mid === null ? null : this.#line.host.dtls;
  }

  getParameters(): RTCRtpSendParameters {
    return this.#line.parameters();
  }

  async setParameters(parameters: RTCRtpSendParameters): Promise<void> {
    if (this.#line.stopped) throw new DOMException("the transceiver is stopped", "InvalidStateError");
    this.#line.setParameters(parameters);
  }

  async replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    if (track && track.kind !== this.#line.kind) throw new TypeError(`not a track of ${this.#line.kind}`);
    return this.#line.host.replaceTrack(this.#line, track);
  }

  setStreams(...streams: MediaStream[]): void {
    if (this.#line.host.closed) throw new DOMException("the connection is closed", "InvalidStateError");
    this.#line.host.setStreams(this.#line, streams);
  }

  getStats(): Promise<StatsReport> {
    return this.#line.host.stats(this.#line, "outbound-rtp");
  }
}

export class Receiver {
  jitterBufferTarget: number | null = null;
  readonly transform = null;
  #line: Line;

  constructor(line: Line) {
    if (!building) throw new TypeError("Illegal constructor");
    this.#line = line;
  }

  static getCapabilities(kind: string): RTCRtpCapabilities | null {
    return capabilities(kind);
  }

  get track(): MediaStreamTrack {
    return this.#line.remote.track;
  }
  get transport(): DtlsTransport | null {
    return this.#line.mid === null ? null : this.#line.host.dtls;
  }

  getParameters(): RTCRtpReceiveParameters {
    return this.#line.common();
  }

  getContributingSources(): RTCRtpContributingSource[] {
    return [];
  }

  getSynchronizationSources(): RTCRtpSynchronizationSource[] {
    return [];
  }

  getStats(): Promise<StatsReport> {
    return this.#line.host.stats(this.#line, "inbound-rtp");
  }
}

export class Transceiver {
  #line: Line;

  constructor(line: Line) {
    if (!building) throw new TypeError("Illegal constructor");
    this.#line = line;
  }

  get mid(): string | null {
    return this.#line.mid;
  }
  get sender(): Sender {
    return this.#line.sender;
  }
  get receiver(): Receiver {
    return this.#line.receiver;
  }
  get stopped(): boolean {
    return this.#line.stopped;
  }
  get currentDirection(): Direction | null {
    return this.#line.stopped ? "stopped" : this.#line.currentDirection;
  }
  get direction(): Direction {
    return this.#line.stopping ? "stopped" : this.#line.direction;
  }
  set direction(direction: Direction) {
    if (this.#line.stopping) throw new DOMException("the transceiver is stopped", "InvalidStateError");
    if (direction === "stopped") throw new TypeError("a transceiver is stopped by stop()");
    if (!["sendrecv", "sendonly", "recvonly", "inactive"].includes(direction)) return;
    if (direction !== this.#line.direction) this.#line.host.setDirection(this.#line, direction);
  }

  stop(): void {
    if (this.#line.host.closed) throw new DOMException("the connection is closed", "InvalidStateError");
    if (!this.#line.stopping) this.#line.host.stop(this.#line);
  }

  /** Only one codec of each kind is there to prefer. */
  setCodecPreferences(codecs: RTCRtpCodec[]): void {
    const known = capabilities(this.#line.kind)?.codecs ?? [];
    const wanted = codecs.map(({ mimeType }) => mimeType.toLowerCase());
    if (wanted.length > 0 && !known.some(({ mimeType }) => wanted.includes(mimeType.toLowerCase()))) {
      throw new DOMException("none of these codecs is supported", "InvalidModificationError");
    }
  }
}

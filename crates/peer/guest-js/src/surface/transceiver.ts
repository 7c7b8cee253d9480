// RTCRtpTransceiver, RTCRtpSender and RTCRtpReceiver: faces of one `Line`, which the connection turns.

import { capabilities } from "./capabilities";
import type { DtmfSender } from "./dtmf";
import { queueTask } from "./handlers";
import { double, instance, needs, nullable, string } from "./idl";
import type { Line } from "./line";
import { preferences, type SetOptions, sendParameters, setOptions } from "./parameters";
import type { StatsReport } from "./stats";
import type { ScriptTransform } from "./transform";
import type { DtlsTransport } from "./transports";

let building = false;

/** Makes the three faces of a line. */
export function faces(line: Line): { sender: Sender; receiver: Receiver; transceiver: Transceiver } {
  building = true;
  try {
    return { sender: new Sender(line), receiver: new Receiver(line), transceiver: new Transceiver(line) };
  } finally {
    building = false;
  }
}

const trackOrNull = nullable(instance(() => MediaStreamTrack));
const timeOrNull = nullable(double);

export class Sender {
  #line: Line;

  constructor(line: Line) {
    if (!building) throw new TypeError("Illegal constructor");
    this.#line = line;
  }

  static getCapabilities(kind: string): RTCRtpCapabilities | null {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    return capabilities(string(kind, "kind"));
  }

  get track(): MediaStreamTrack | null {
    return this.#line.track;
  }
  get transport(): DtlsTransport | null {
    return this.#line.transport;
  }
  get dtmf(): DtmfSender | null {
    return this.#line.dtmf;
  }

  getParameters(): RTCRtpSendParameters {
    return this.#line.parameters();
  }

  async setParameters(parameters: RTCRtpSendParameters, options: Partial<SetOptions> = {}): Promise<void> {
    const line = this.#line;
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const given = sendParameters(parameters, "parameters");
    const { encodingOptions } = setOptions(options, "options");
    line.setParameters(
      given,
      encodingOptions.map(({ keyFrame }) => keyFrame),
    );
    await new Promise<void>(queueTask);
  }

  async replaceTrack(withTrack: MediaStreamTrack | null): Promise<void> {
    const line = this.#line;
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const track = trackOrNull(withTrack, "the track");
    if (track && track.kind !== line.kind) throw new TypeError(`not a track of ${line.kind}`);
    await line.host.replaceTrack(line, track);
  }

  setStreams(...streams: MediaStream[]): void {
    const line = this.#line;
    const isStream = instance(() => MediaStream);
    const all = streams.map((stream) => isStream(stream, "the stream"));
    if (line.host.closed) throw new DOMException("the connection is closed", "InvalidStateError");
    line.host.setStreams(line, all);
  }

  async getStats(): Promise<StatsReport> {
    return this.#line.host.stats(this.#line, "outbound-rtp");
  }

  get transform(): ScriptTransform | null {
    return this.#line.transforms.send.transform;
  }
  set transform(transform: ScriptTransform | null) {
    this.#line.transforms.send.transform = transform;
  }

  /** The older form of `transform`: the frames come to the page itself. */
  createEncodedStreams(): { readable: ReadableStream; writable: WritableStream } {
    return this.#line.transforms.send.createStreams();
  }
}

export class Receiver {
  #line: Line;
  #target: number | null = null;

  constructor(line: Line) {
    if (!building) throw new TypeError("Illegal constructor");
    this.#line = line;
  }

  static getCapabilities(kind: string): RTCRtpCapabilities | null {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    return capabilities(string(kind, "kind"));
  }

  get track(): MediaStreamTrack {
    return this.#line.remote.track;
  }
  get transport(): DtlsTransport | null {
    return this.#line.transport;
  }
  /** Milliseconds. */
  get jitterBufferTarget(): number | null {
    return this.#target;
  }
  set jitterBufferTarget(target: number | null) {
    const line = this.#line;
    const value = timeOrNull(target, "jitterBufferTarget");
    if (value !== null && (value < 0 || value > 4000))
      throw new RangeError("jitterBufferTarget is outside 0 to 4000");
    if (value === this.#target) return;
    this.#target = value;
    line.host.holdBack(line, value);
  }

  getParameters(): RTCRtpReceiveParameters {
    return this.#line.common();
  }

  getContributingSources(): RTCRtpContributingSource[] {
    void this.#line;
    return [];
  }

  getSynchronizationSources(): RTCRtpSynchronizationSource[] {
    return this.#line.host.sources(this.#line);
  }

  async getStats(): Promise<StatsReport> {
    return this.#line.host.stats(this.#line, "inbound-rtp");
  }

  get transform(): ScriptTransform | null {
    return this.#line.transforms.receive.transform;
  }
  set transform(transform: ScriptTransform | null) {
    this.#line.transforms.receive.transform = transform;
  }

  createEncodedStreams(): { readable: ReadableStream; writable: WritableStream } {
    return this.#line.transforms.receive.createStreams();
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
  get direction(): RTCRtpTransceiverDirection {
    return this.#line.stopping ? "stopped" : this.#line.direction;
  }
  set direction(direction: RTCRtpTransceiverDirection) {
    const line = this.#line;
    const value = `${direction}` as RTCRtpTransceiverDirection;
    if (!["sendrecv", "sendonly", "recvonly", "inactive", "stopped"].includes(value)) return;
    if (line.stopping) throw new DOMException("the transceiver is stopped", "InvalidStateError");
    if (value === line.direction) return;
    if (value === "stopped") throw new TypeError("a transceiver is stopped by stop()");
    line.host.setDirection(line, value);
  }
  get stopped(): boolean {
    return this.#line.stopped;
  }
  get currentDirection(): RTCRtpTransceiverDirection | null {
    return this.#line.stopped ? "stopped" : this.#line.currentDirection;
  }

  stop(): void {
    const line = this.#line;
    if (line.host.closed) throw new DOMException("the connection is closed", "InvalidStateError");
    if (!line.stopping) line.host.stop(line);
  }

  setCodecPreferences(codecs: RTCRtpCodec[]): void {
    const line = this.#line;
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const wanted = preferences(codecs, capabilities(line.kind)?.codecs ?? []);
    line.host.preferCodecs(line, wanted);
  }
}

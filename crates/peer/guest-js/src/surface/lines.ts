// The transceivers of one connection: what the page does to them, and whose frames flow.

import type { Direction, Kind, Op } from "../wire";
import type { Heard, TransformStreams } from "../worker/messages";
import type { Side } from "../worker/transform-messages";
import type { Commands } from "./commands";
import { queueTask } from "./handlers";
import { limits, sent } from "./layers";
import { Line, type LineHost } from "./line";
import { type Encoding, sectionParameters } from "./parameters";
import { directionOf, receives, sends } from "./sdp";
import { makeReport, type StatsReport, select } from "./stats";
import type { Transport } from "./transports";

/** Milliseconds for which a source is told of after the last of it came. */
const SOURCE_LASTS = 10_000;

export interface LineInit {
  direction?: Direction;
  track?: MediaStreamTrack | null;
  streams?: string[];
  encodings?: Encoding[];
  /** `addTrack` makes it: a remote description may take it. */
  byAddTrack?: boolean;
}

/** The descriptions in force, empty if there are none; one of them is the answer. */
export interface Described {
  local: string;
  remote: string;
  answer: string;
}

export class Lines implements LineHost {
  readonly cname: string;
  closed = false;
  insertable = false;
  /** Counts what the page changes, so that an offer made meanwhile is made anew. */
  revision = 0;
  #commands: Commands;
  #changed: () => void;
  #lines: Line[] = [];
  #flowing = false;
  #transport: Transport;
  #described: () => Described;
  #enqueue: (operation: () => Promise<void>) => Promise<void>;

  /**
   * `changed` is called when negotiation may be needed; `described` gives the descriptions in force, empty if there
   * are none; `enqueue` runs what must not run beside the setting of descriptions.
   */
  constructor(
    commands: Commands,
    transport: Transport,
    cname: string,
    changed: () => void,
    described: () => Described,
    enqueue: (operation: () => Promise<void>) => Promise<void>,
  ) {
    this.#commands = commands;
    this.#transport = transport;
    this.cname = cname;
    this.#changed = changed;
    this.#described = described;
    this.#enqueue = enqueue;
  }

  get connected(): boolean {
    return this.#transport.dtlsState === "connected";
  }

  /** Both ends' descriptions must have a line before anything of it is negotiated; then ours says what both can. */
  negotiated(line: Line): RTCRtpParameters | undefined {
    const { local, remote, answer } = this.#described();
    if (line.mid === null || line.stopped || remote === "") return undefined;
    const ours = sectionParameters(local, line.mid);
    // An answer leaves out what its side lacks, and what is sent comes first in it.
    const agreed = sectionParameters(answer, line.mid)?.codecs ?? [];
    const codecs = agreed.flatMap(
      (one) => ours?.codecs.find(({ payloadType }) => payloadType === one.payloadType) ?? [],
    );
    return ours && codecs.length > 0 ? { ...ours, codecs } : ours;
  }

  all(): readonly Line[] {
    return this.#lines;
  }

  byNumber(number: number): Line | undefined {
    return this.#lines.find((line) => line.number === number);
  }

  /** A transceiver that the page asked for. */
  add(kind: Kind, init: LineInit): Line {
    const line = this.#make(kind, init);
    this.revision++;
    const { direction, streams, track } = line;
    const rids = line.encodings.flatMap(({ rid }) => rid ?? []);
    this.#commands
      .send<{ transceiver: number }>({
        type: "add-transceiver",
        kind,
        direction,
        streams,
        ...(track && { trackId: track.id }),
        ...(rids.length > 1 && { rids }),
        ...(init.byAddTrack && { byAddTrack: true }),
      })
      .then(
        (result) => this.#number(line, result.transceiver),
        (error) => {
          if (!this.closed) console.error("peer-connection: no transceiver:", error);
        },
      );
    return line;
  }

  /** One that the remote description made; its track has the id that the remote gave it, as in browsers. */
  adopt(kind: Kind, number: number, trackId: string | null): Line {
    const line = this.#make(kind, { direction: "recvonly" });
    if (trackId)
      Object.defineProperty(line.remote.track, "id", {
        configurable: true,
        enumerable: true,
        value: trackId,
      });
    line.byRemote = true;
    this.#number(line, number);
    return line;
  }

  addTrack(track: MediaStreamTrack, streams: string[]): Line {
    const kind = track.kind as Kind;
    const free = this.#lines.find(
      (line) => line.kind === kind && !line.track && !line.stopping && !line.stopped && !line.hasSent,
    );
    if (!free) return this.add(kind, { track, streams, byAddTrack: true });
    this.revision++;
    free.track = track;
    free.streams = streams;
    this.#post(free, (transceiver) => ({
      type: "set-sender",
      transceiver,
      trackId: track.id,
      streams,
      byAddTrack: true,
    }));
    this.#direct(free, directionOf(true, receives(free.direction)));
    this.sync();
    return free;
  }

  removeTrack(line: Line): void {
    if (!line.track) return;
    this.revision++;
    line.track = null;
    this.#post(line, (transceiver) => ({
      type: "set-sender",
      transceiver,
      trackId: null,
      streams: line.streams,
    }));
    if (sends(line.direction)) this.#direct(line, directionOf(false, receives(line.direction)));
    this.sync();
  }

  setDirection(line: Line, direction: Direction): void {
    this.revision++;
    this.#direct(line, direction);
    this.#changed();
  }

  preferCodecs(line: Line, codecs: RTCRtpCodec[]): void {
    this.revision++;
    this.#post(line, (transceiver) => ({
      type: "prefer-codecs",
      transceiver,
      codecs: codecs.map(({ mimeType }) => mimeType.toLowerCase()),
    }));
  }

  playTone(line: Line, tone: string, duration: number): void {
    if (line.number === undefined) return;
    this.#post(line, (transceiver) => ({ type: "play-tone", transceiver, tone, duration }));
  }

  holdBack(line: Line, target: number | null): void {
    if (this.closed || line.stopping) return;
    this.#post(line, (transceiver) => ({ type: "set-jitter-buffer-target", transceiver, target }));
  }

  heard(number: number, heard: Heard): void {
    const line = this.byNumber(number);
    if (line) line.heard = { ...heard, timestamp: performance.timeOrigin + performance.now() };
  }

  /** The one voice or video that comes here, if something of it came in the last ten seconds (webrtc-pc 5.3). */
  sources(line: Line): RTCRtpSynchronizationSource[] {
    if (!line.heard || !line.receiving) return [];
    const age = performance.timeOrigin + performance.now() - line.heard.timestamp;
    return age <= SOURCE_LASTS ? [{ ...line.heard }] : [];
  }

  stop(line: Line): void {
    this.revision++;
    line.stopping = true;
    this.#post(line, (transceiver) => ({ type: "stop-transceiver", transceiver }));
    this.sync();
    this.#endReceiving(line);
    this.#changed();
  }

  async replaceTrack(line: Line, track: MediaStreamTrack | null): Promise<void> {
    if (this.closed) throw new DOMException("the connection is closed", "InvalidStateError");
    return this.#enqueue(() => this.#replace(line, track));
  }

  async #replace(line: Line, track: MediaStreamTrack | null): Promise<void> {
    if (line.stopping) throw new DOMException("the transceiver is stopped", "InvalidStateError");
    // The page sees the new track a task later, and in between may change its mind by other means.
    await new Promise<void>(queueTask);
    if (this.closed) return new Promise(() => {});
    const former = line.track;
    line.track = track;
    if (Boolean(former) !== Boolean(track)) {
      this.#post(line, (transceiver) => ({
        type: "set-sender",
        transceiver,
        trackId: line.track?.id ?? null,
        streams: line.streams,
      }));
    }
    this.sync();
  }

  setStreams(line: Line, streams: MediaStream[]): void {
    line.streams = [...new Set(streams.map(({ id }) => id))];
    this.#post(line, (transceiver) => ({
      type: "set-sender",
      transceiver,
      trackId: line.track?.id ?? null,
      streams: line.streams,
    }));
    this.revision++;
    this.#changed();
  }

  limitsChanged(line: Line): void {
    const pc = this.#commands.number;
    if (!line.sending || line.number === undefined) return;
    this.#commands.runtime.media.tell({ type: "limits", pc, transceiver: line.number, limits: limits(line) });
  }

  makeKeyFrame(line: Line, layer: number): void {
    const pc = this.#commands.number;
    if (!line.sending || line.number === undefined) return;
    this.#commands.runtime.media.tell({ type: "make-key-frame", pc, transceiver: line.number, layer });
  }

  async stats(line: Line, side: "inbound-rtp" | "outbound-rtp"): Promise<StatsReport> {
    // What is stopped has no streams.
    if (this.closed || line.stopping) return makeReport([]);
    return makeReport(select(await this.#commands.stats(), line.mid, side));
  }

  /** The transport is up: frames would be lost before, and the first one must be a key frame. */
  flow(): void {
    this.#flowing = true;
    this.sync();
  }

  /** Makes what flows agree with what was negotiated. */
  sync(): void {
    const pc = this.#commands.number;
    const { media, sources } = this.#commands.runtime;
    for (const line of this.#lines) {
      this.#describeStreams(line);
      const may =
        this.#flowing && !this.closed && !line.stopping && !line.stopped && sends(line.currentDirection);
      const track = may && line.number !== undefined ? line.track : null;
      if (line.sending === track || line.number === undefined) continue;
      const former = line.sending;
      line.sending = track;
      if (track) {
        const source = sources.use(track);
        media.tell({ type: "send", source, pc, transceiver: line.number, limits: limits(line) });
      } else {
        media.tell({ type: "stop-sending", pc, transceiver: line.number });
      }
      if (former) sources.release(former);
    }
  }

  transformChanged(line: Line, side: Side): void {
    const pc = this.#commands.number;
    if (line.number === undefined || this.closed) return;
    this.#commands.runtime.media.tell({
      type: "transform",
      pc,
      transceiver: line.number,
      side,
      kind: line.kind,
      transform: line.transforms[side].number,
      layers: Object.fromEntries(
        line.encodings.flatMap((one) => (one.rid ? [[one.rid, line.place(one)]] : [])),
      ),
      streams: this.#streams(line, side),
    });
  }

  /** Transforms tell of their frames what the descriptions in force say. */
  #describeStreams(line: Line): void {
    const pc = this.#commands.number;
    const { number } = line;
    if (number === undefined) return;
    for (const side of ["send", "receive"] as const) {
      if (line.transforms[side].number === null) continue;
      const streams = this.#streams(line, side);
      this.#commands.runtime.media.tell({
        type: "transform-streams",
        pc,
        transceiver: number,
        side,
        streams,
      });
    }
  }

  #streams(line: Line, side: Side): TransformStreams {
    return {
      ssrcs: side === "send" ? sent(line) : {},
      codecs: (this.negotiated(line)?.codecs ?? []).map(({ payloadType, mimeType }) => ({
        payloadType,
        mimeType,
      })),
    };
  }

  /** The remote sends on this line from now on, or again: its first frame unmutes the track. */
  expect(line: Line): void {
    const pc = this.#commands.number;
    if (line.number === undefined) return;
    this.#commands.runtime.media.tell({ type: "expect", pc, transceiver: line.number });
  }

  markStopped(line: Line): void {
    line.stopping = true;
    line.stopped = true;
    line.currentDirection = null;
    this.#endReceiving(line);
  }

  /** Takes away a transceiver that a rollback undid. */
  remove(line: Line): void {
    this.markStopped(line);
    line.mid = null;
    line.transport = null;
    this.#lines = this.#lines.filter((other) => other !== line);
  }

  close(): void {
    this.closed = true;
    this.sync();
    for (const line of this.#lines) {
      line.stopping = true;
      line.stopped = true;
      if (line.remote.track.readyState === "live") line.remote.end();
    }
  }

  #make(kind: Kind, init: LineInit): Line {
    const line = new Line(this, kind, this.#commands.runtime.media.remoteTrack(kind), {
      direction: init.direction ?? "sendrecv",
      track: init.track ?? null,
      streams: [...new Set(init.streams ?? [])],
      encodings: init.encodings ?? [],
    });
    this.#lines.push(line);
    return line;
  }

  #number(line: Line, number: number): void {
    if (this.closed) return;
    const pc = this.#commands.number;
    line.number = number;
    // Before the first frame.
    for (const side of ["send", "receive"] as const)
      if (line.transforms[side].number !== null) this.transformChanged(line, side);
    if (!line.stopped && line.remote.track.readyState === "live") line.remote.connect(pc, number);
  }

  #direct(line: Line, direction: Direction): void {
    line.direction = direction;
    this.#post(line, (transceiver) => ({ type: "set-direction", transceiver, direction }));
  }

  #post(line: Line, make: (transceiver: number) => Op): void {
    this.#commands.post(() => (line.number === undefined ? undefined : make(line.number)));
  }

  /** A track that its source ends does so in a task of its own (mediacapture-streams 4.3.1). */
  #endReceiving(line: Line): void {
    queueTask(() => {
      if (line.remote.track.readyState === "ended") return;
      line.muted = true;
      line.remote.end();
      line.remote.track.dispatchEvent(new Event("ended"));
    });
  }
}

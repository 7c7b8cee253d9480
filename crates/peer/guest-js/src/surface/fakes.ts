// For the tests of the surface: a scripted Rust, and as much of the DOM as the surface touches.
import type { RemoteTrack } from "../media/media";
import type { Kind, Op, PeerEvent, Snapshot, TransceiverSnapshot } from "../wire";
import type { Listener, Runtime } from "./runtime";

export class FakeTrack extends EventTarget {
  readyState = "live";
  enabled = true;
  id: string;
  constructor(
    readonly kind: Kind,
    id = "",
  ) {
    super();
    this.id = id || `${kind}-${++serial}`;
  }
}

export class FakeStream extends EventTarget {
  id = `stream-${++serial}`;
  tracks = new Set<unknown>();
  addTrack(track: unknown): void {
    this.tracks.add(track);
  }
  removeTrack(track: unknown): void {
    this.tracks.delete(track);
  }
}

class FakeTrackEvent extends Event {
  track: unknown;
  constructor(type: string, { track }: { track: unknown }) {
    super(type);
    this.track = track;
  }
}

let serial = 0;

export function installDom(): void {
  Object.assign(globalThis, {
    MediaStream: FakeStream,
    MediaStreamTrack: FakeTrack,
    MediaStreamTrackEvent: FakeTrackEvent,
  });
}

/** Answers operations by a script, and remembers them. */
export class FakeRust {
  ops: Op[] = [];
  told: { type: string }[] = [];
  snapshot: Snapshot = stable();
  /** What an operation gives instead of its default; throwing rejects the command. */
  answer: (op: Op) => unknown = () => undefined;
  emit: (event: PeerEvent) => void = () => {};
  listeners = new Map<number, Listener>();
  #numbers = 0;

  runtime(): Runtime {
    const link = {
      create: (_: RTCConfiguration, listener: (event: PeerEvent) => void) => {
        this.emit = listener;
        return { pc: 1, made: Promise.resolve() };
      },
      run: async (_: number, op: Op) => {
        this.ops.push(op);
        return this.answer(op) ?? this.#usual(op);
      },
      close: async () => {},
    };
    const media = {
      tell: (message: { type: string }) => this.told.push(message),
      report: () => 1,
      spareReady: async () => {},
      remoteTrack: (kind: Kind) => remoteTrack(kind),
    };
    const data = { send: () => {}, close: () => {} };
    const sources = { use: () => 1, release: () => {} };
    return { link, media, data, sources, listeners: this.listeners } as unknown as Runtime;
  }

  types(): string[] {
    return this.ops.map(({ type }) => type);
  }

  #usual(op: Op): unknown {
    switch (op.type) {
      case "add-transceiver":
        return { transceiver: ++this.#numbers };
      case "create-channel":
        return { channel: ++this.#numbers };
      case "create-offer":
        return { type: "offer", sdp: "v=0\r\n" };
      case "create-answer":
        return { type: "answer", sdp: "v=0\r\n" };
      case "set-local":
      case "set-remote":
        return this.snapshot;
      default:
        return null;
    }
  }
}

export function stable(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    signalingState: "stable",
    currentLocal: null,
    pendingLocal: null,
    currentRemote: null,
    pendingRemote: null,
    iceGatheringState: "new",
    sctp: null,
    transceivers: [],
    ...changes,
  };
}

export function lineSnapshot(changes: Partial<TransceiverSnapshot> = {}): TransceiverSnapshot {
  return {
    transceiver: 1,
    mid: "0",
    kind: "video",
    direction: "sendrecv",
    currentDirection: null,
    stopped: false,
    streams: [],
    trackId: null,
    codecs: [],
    h264: null,
    rids: [],
    ssrcs: [],
    ...changes,
  };
}

/** A description with one section for each direction. */
export function sdp(...directions: RTCRtpTransceiverDirection[]): string {
  const sections = directions.map(
    (direction, mid) => `m=video 9 X\r\na=mid:${mid}\r\na=${direction}\r\na=msid:remote t\r\n`,
  );
  return `v=0\r\n${sections.join("")}`;
}

function remoteTrack(kind: Kind): RemoteTrack {
  const track = new FakeTrack(kind);
  return {
    track: track as unknown as MediaStreamTrack,
    connect: () => {},
    end: () => {
      track.readyState = "ended";
    },
  };
}

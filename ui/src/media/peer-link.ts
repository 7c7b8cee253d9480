/**
 * The media between this page and one other. One `RTCPeerConnection` with an audio and a video section, both ways, made
 * by whoever offers first and never changed again: muting swaps the track, so that nothing is negotiated for it.
 */

import type { VideoBudget } from "../core/budget";
import { toHex } from "../core/bytes";
import { change, check, type Health, newHealth, restarted } from "../core/health";
import { type Candidate, type Description, Negotiator, type Signal } from "../core/negotiation";
import type { LinkState, StreamHandle } from "../core/ports";
import type { LinkSignal } from "../core/signal";
import type { IceServer } from "../generated/IceServer";
import { type LinkStats, NO_STATS, readStats } from "./stats";
import type { Streams } from "./streams";

export type MediaTracks = Readonly<Record<"audio" | "video", MediaStreamTrack | null>>;

export interface PeerLinkListener {
  signal(signal: LinkSignal): void;
  state(state: LinkState): void;
  streams(audio: StreamHandle | null, video: StreamHandle | null): void;
  /** An `RTCPeerConnection` was made; it is shown to be looked at only. */
  made(pc: RTCPeerConnection): void;
}

export interface PeerLinkConfig {
  readonly polite: boolean;
  readonly offer: boolean;
  readonly iceServers: readonly IceServer[];
  /** Ours, the same for all links of a call; null where nobody asked for one. */
  readonly certificate: RTCCertificate | null;
  readonly budget: VideoBudget;
}

export class PeerLink {
  stats: LinkStats = NO_STATS;
  private connection: Connection;
  /** The other end's peer connection, as its signals name it. */
  private remotePc: string | null = null;
  private health: Health = newHealth(Date.now());
  private closed = false;

  constructor(
    private config: PeerLinkConfig,
    private tracks: MediaTracks,
    private readonly media: Streams,
    private readonly listener: PeerLinkListener,
  ) {
    this.connection = this.connect();
    if (config.offer) this.connection.addSections();
  }

  private get pcId(): string {
    return this.connection.pcId;
  }

  receive(signal: LinkSignal): void {
    if (signal.kind === "candidates") {
      // Those of a connection that was replaced on the way have nowhere to go.
      if (signal.pc !== null && signal.pc !== this.remotePc) return;
      for (const candidate of signal.candidates) this.connection.receive({ kind: "candidate", candidate });
      return;
    }
    const stale = signal.to !== null && signal.to !== this.pcId;
    const replaced = this.remotePc !== null && signal.pc !== this.remotePc;
    if (signal.kind === "answer" && stale) return;
    if (replaced) this.reconnect();
    if (signal.kind === "answer" ? replaced : stale && !replaced) {
      // Meant for a connection that is no more: ours is the one to begin with.
      this.connection.addSections();
      return;
    }
    this.remotePc = signal.pc;
    this.connection.receive({ kind: "description", description: { type: signal.kind, sdp: signal.sdp } });
  }

  setTracks(tracks: MediaTracks): void {
    this.tracks = tracks;
    this.connection.setTracks(tracks);
  }

  /** What the picture may cost from now on. */
  setBudget(budget: VideoBudget): void {
    if (budget.maxBitrate === this.config.budget.maxBitrate) return;
    this.config = { ...this.config, budget };
    this.connection.setBudget(budget);
  }

  /**
   * The peer has a new seat. A connection that lives is left alone, and looks for its next way with these servers; one
   * that does not yet may have lost a message.
   */
  rebind(polite: boolean, iceServers: readonly IceServer[]): void {
    const { pc, negotiator } = this.connection;
    this.config = { ...this.config, polite, iceServers };
    negotiator.polite = polite;
    pc.setConfiguration({ ...pc.getConfiguration(), iceServers: [...iceServers] });
    if (pc.connectionState !== "connected") this.connection.restart();
  }

  /** What the connection goes by may be gone. Where nothing was agreed yet, whatever is under way finds its own way. */
  networkChanged(): void {
    if (this.connection.pc.remoteDescription === null) return;
    this.health = restarted(this.health, Date.now());
    this.connection.pc.restartIce();
  }

  /** Once a second. */
  async sample(now: number): Promise<LinkStats> {
    this.heal(now);
    this.stats = readStats(await this.connection.pc.getStats());
    return this.stats;
  }

  /** As it is now, for those who look from outside. */
  async read(): Promise<LinkStats & { pcId: string; connectionState: RTCPeerConnectionState }> {
    const { pc, pcId } = this.connection;
    return { ...readStats(await pc.getStats()), pcId, connectionState: pc.connectionState };
  }

  /** The loudness of what just played, 0 to 1. */
  level(): number {
    return this.playing() ?? this.stats.audioLevel;
  }

  /** The same, to a packet; null where the webview does not tell. */
  playing(): number | null {
    return this.connection.level();
  }

  close(): void {
    this.closed = true;
    this.connection.close();
  }

  private connect(): Connection {
    const connection: Connection = new Connection(this.config, this.tracks, this.media, {
      describe: ({ type, sdp }) => {
        if (this.closed || connection !== this.connection) return;
        const kind = type === "answer" ? "answer" : "offer";
        this.listener.signal({ kind, sdp: sdp ?? "", pc: this.pcId, to: this.remotePc });
      },
      found: (candidates) => {
        if (this.closed || connection !== this.connection) return;
        this.listener.signal({ kind: "candidates", candidates, pc: this.pcId });
      },
      state: (state) => {
        if (this.closed || connection !== this.connection) return;
        this.health = change(this.health, state, Date.now());
        this.heal(Date.now());
        this.listener.state(state);
      },
      streams: (audio, video) => {
        if (!this.closed && connection === this.connection) this.listener.streams(audio, video);
      },
    });
    this.listener.made(connection.pc);
    return connection;
  }

  private heal(now: number): void {
    const { health, restart } = check(this.health, this.config.polite, now);
    this.health = health;
    if (restart) this.connection.restart();
  }

  /** The page on the other side has no memory of this connection. */
  private reconnect(): void {
    this.connection.close();
    this.remotePc = null;
    this.health = newHealth(Date.now());
    this.connection = this.connect();
    this.listener.state("new");
  }
}

interface ConnectionListener {
  describe(description: Description): void;
  found(candidates: readonly Candidate[]): void;
  state(state: LinkState): void;
  streams(audio: StreamHandle | null, video: StreamHandle | null): void;
}

/** One `RTCPeerConnection` from its making to its end. */
class Connection {
  readonly pcId = toHex(crypto.getRandomValues(new Uint8Array(16)));
  readonly pc: RTCPeerConnection;
  readonly negotiator: Negotiator;
  private sections: Readonly<Record<"audio" | "video", RTCRtpTransceiver>> | null = null;
  private streams: Record<"audio" | "video", StreamHandle | null> = { audio: null, video: null };
  private readonly finds: Finds;
  private budget: VideoBudget;
  private ended = false;

  constructor(
    { iceServers, polite, certificate, budget }: PeerLinkConfig,
    private tracks: MediaTracks,
    private readonly media: Streams,
    private readonly listener: ConnectionListener,
  ) {
    const pc = new RTCPeerConnection({
      iceServers: [...iceServers],
      bundlePolicy: "max-bundle",
      ...(certificate === null ? {} : { certificates: [certificate] }),
    });
    this.pc = pc;
    this.budget = budget;
    this.finds = new Finds((candidates) => listener.found(candidates));
    this.negotiator = new Negotiator(
      {
        get signalingState() {
          return pc.signalingState;
        },
        get localDescription() {
          return pc.localDescription && plain(pc.localDescription);
        },
        setLocalDescription: () => pc.setLocalDescription(),
        setRemoteDescription: (description) =>
          pc.setRemoteDescription(description as RTCSessionDescriptionInit),
        addIceCandidate: (candidate) => pc.addIceCandidate(candidate),
        beforeAnswer: () => this.adoptSections(),
      },
      polite,
      (signal) => {
        if (signal.kind === "candidate") this.finds.add(signal.candidate);
        else {
          // Candidates of before belong to what was said before.
          this.finds.flush();
          listener.describe(signal.description);
        }
      },
    );
    pc.onnegotiationneeded = () => this.attempt(this.negotiator.offer());
    pc.onicecandidate = ({ candidate }) => {
      if (candidate !== null && candidate.candidate !== "") this.negotiator.found(candidate.toJSON());
    };
    pc.onconnectionstatechange = () => listener.state(stateOf(pc.connectionState));
    pc.ontrack = ({ track }) => this.show(track);
  }

  receive(signal: Signal): void {
    this.attempt(this.negotiator.receive(signal));
  }

  /** Makes this side the one that offers. */
  addSections(): void {
    if (this.sections !== null) {
      this.restart();
      return;
    }
    const add = (kind: "audio" | "video") => {
      const transceiver = this.pc.addTransceiver(kind, { direction: "sendrecv" });
      this.attempt(transceiver.sender.replaceTrack(this.tracks[kind]));
      return transceiver;
    };
    this.sections = { audio: add("audio"), video: add("video") };
    this.spend();
  }

  setBudget(budget: VideoBudget): void {
    this.budget = budget;
    this.spend();
  }

  /** Negotiates a new path, or begins where nothing was begun. */
  restart(): void {
    if (this.ended) return;
    if (this.negotiator.repeatOffer()) return;
    if (this.sections === null) this.addSections();
    else this.pc.restartIce();
  }

  setTracks(tracks: MediaTracks): void {
    this.tracks = tracks;
    if (this.sections === null) return;
    for (const kind of KINDS) {
      const { sender } = this.sections[kind];
      if (sender.track !== tracks[kind]) this.attempt(sender.replaceTrack(tracks[kind]));
    }
  }

  level(): number | null {
    const [source] = this.sections?.audio.receiver.getSynchronizationSources?.() ?? [];
    return source?.audioLevel ?? null;
  }

  close(): void {
    this.ended = true;
    this.finds.drop();
    for (const kind of KINDS) this.media.close(this.streams[kind]);
    this.pc.close();
  }

  /** The sections are the offer's. Ours, if we offered too and gave way, are left unused. */
  private async adoptSections(): Promise<void> {
    const offered = this.pc.getTransceivers().filter(({ mid }) => mid !== null);
    const audio = offered.find(({ receiver }) => receiver.track.kind === "audio");
    const video = offered.find(({ receiver }) => receiver.track.kind === "video");
    for (const own of Object.values(this.sections ?? {})) if (own.mid === null) own.stop();
    // A client that sends one kind only is answered with one kind only.
    if (audio !== undefined) await this.adopt(audio, "audio");
    if (video !== undefined) await this.adopt(video, "video");
    if (audio !== undefined && video !== undefined) {
      this.sections = { audio, video };
      this.spend();
    }
  }

  private spend(): void {
    const sender = this.sections?.video.sender;
    if (sender === undefined || this.ended) return;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) Object.assign(encoding, this.budget);
    this.attempt(sender.setParameters(parameters));
  }

  private async adopt(transceiver: RTCRtpTransceiver, kind: "audio" | "video"): Promise<void> {
    if (transceiver.direction !== "sendrecv") transceiver.direction = "sendrecv";
    if (transceiver.sender.track !== this.tracks[kind])
      await transceiver.sender.replaceTrack(this.tracks[kind]);
  }

  private show(track: MediaStreamTrack): void {
    const kind = track.kind === "audio" ? "audio" : "video";
    this.media.close(this.streams[kind]);
    this.streams[kind] = this.media.open(track);
    this.listener.streams(this.streams.audio, this.streams.video);
  }

  private attempt(work: Promise<void>): void {
    work.catch((error: unknown) => {
      // Whatever was under way when it was closed ends in an error of no interest.
      if (!this.ended) console.warn("negotiation failed", error);
    });
  }
}

/**
 * Candidates are found in bursts. The first of a burst goes at once, since it may be all that is needed; those of the next
 * moment go together, for a server counts messages and a sealed one has its price.
 */
class Finds {
  private readonly found: Candidate[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly send: (candidates: readonly Candidate[]) => void) {}

  add(candidate: Candidate): void {
    this.found.push(candidate);
    if (this.timer !== null) return;
    this.flush();
    this.timer = setTimeout(() => {
      this.timer = null;
      this.flush();
    }, BURST_MS);
  }

  flush(): void {
    while (this.found.length > 0) this.send(this.found.splice(0, MOST_TOGETHER));
  }

  drop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.found.length = 0;
  }
}

const BURST_MS = 20;
/** Far below what a frame holds. */
const MOST_TOGETHER = 32;

const KINDS = ["audio", "video"] as const;

function plain({ type, sdp }: RTCSessionDescription): Description {
  return { type, sdp };
}

function stateOf(state: RTCPeerConnectionState): LinkState {
  switch (state) {
    case "new":
    case "connecting":
      return "new";
    case "connected":
      return "connected";
    case "disconnected":
      return "disconnected";
    case "failed":
    case "closed":
      return "failed";
  }
}

/** All media of the page: the devices, and one link for each remote page. */
import { budgetFor } from "../core/budget";
import type { Chime } from "../core/chime";
import type { DevicesWish, Media, MediaEvent, StreamHandle } from "../core/ports";
import type { LinkSignal } from "../core/signal";
import { makeCertificate } from "./certificate";
import { Devices } from "./devices";
import { LevelMeter } from "./level";
import type { Kind } from "./open";
import { type MediaTracks, PeerLink } from "./peer-link";
import { playChime, playTestTone } from "./sounds";
import { lossBetween } from "./stats";
import { Streams } from "./streams";

/** What tests and the connection doctor may look at. */
export interface MediaInsight {
  readonly peerConnectionsMade: number;
  /** Null while none is open. */
  readonly microphone: MediaStreamTrack | null;
  /** Of the microphone now, 0 to 1; null while it is off. */
  loudness(): number | null;
  links(): ReadonlyMap<string, PeerLink>;
}

export interface MediaMilestones {
  /** The first offer or answer is on its way. */
  negotiating(): void;
  connected(): void;
  firstFrame(): void;
  /** A peer connection of the link `key`, to be looked at only. */
  made?(key: string, pc: RTCPeerConnection): void;
}

export class WebRtcMedia implements Media, MediaInsight {
  peerConnectionsMade = 0;
  private readonly open = new Map<string, PeerLink>();
  private readonly remote = new Set<string>();
  private readonly streams: Streams;
  private readonly devices: Devices;
  private readonly meter = new LevelMeter();
  private tracks: MediaTracks = { audio: null, video: null };
  private certificate: RTCCertificate | null = null;
  private speaker: string | null = null;
  private levelTimer: ReturnType<typeof setInterval> | null = null;
  private sampleTimer: ReturnType<typeof setInterval> | null = null;

  constructor(
    private readonly tell: (event: MediaEvent) => void,
    private readonly milestones: MediaMilestones,
  ) {
    this.streams = new Streams((streamId) => {
      if (this.remote.has(streamId)) milestones.firstFrame();
    });
    this.devices = new Devices(this.streams, { tell, track: (kind, track) => this.onTrack(kind, track) });
  }

  wish(wish: DevicesWish | null): void {
    this.devices.wish(wish);
    if (wish !== null && wish.speaker !== this.speaker) {
      this.speaker = wish.speaker;
      this.streams.setSink(wish.speaker);
    }
    this.run(wish !== null);
  }

  retryDevices(): void {
    this.devices.retry();
  }

  async certify(): Promise<string> {
    const { certificate, fingerprint } = await makeCertificate();
    this.certificate = certificate;
    return fingerprint;
  }

  openLink(key: string, how: { polite: boolean; offer: boolean; iceServers: PeerLinkIce }): void {
    this.closeLink(key);
    const budget = budgetFor(this.open.size + 1);
    const config = { ...how, certificate: this.certificate, budget };
    const link = new PeerLink(config, this.tracks, this.streams, {
      signal: (signal) => {
        if (signal.kind !== "candidates") this.milestones.negotiating();
        this.tell({ type: "link-signal", key, signal });
      },
      state: (state) => {
        if (state === "connected") this.milestones.connected();
        this.tell({ type: "link-state", key, state, now: Date.now() });
      },
      streams: (audio, video) => {
        if (video !== null) this.remote.add(video.streamId);
        this.tell({ type: "link-streams", key, audio, video });
      },
      made: (pc) => {
        this.peerConnectionsMade += 1;
        this.milestones.made?.(key, pc);
      },
    });
    this.open.set(key, link);
    this.share();
  }

  rebindLink(key: string, polite: boolean, iceServers: PeerLinkIce): void {
    this.open.get(key)?.rebind(polite, iceServers);
  }

  closeLink(key: string): void {
    this.open.get(key)?.close();
    if (this.open.delete(key)) this.share();
  }

  networkChanged(): void {
    for (const link of this.open.values()) link.networkChanged();
  }

  signal(key: string, signal: LinkSignal): void {
    this.open.get(key)?.receive(signal);
  }

  testSpeaker(): void {
    playTestTone(this.speaker).catch((error: unknown) =>
      console.warn("the test tone cannot be played", error),
    );
  }

  chime(chime: Chime): void {
    playChime(chime, this.speaker).catch((error: unknown) => console.warn("a chime cannot be played", error));
  }

  attach(element: HTMLMediaElement, stream: StreamHandle): () => void {
    return this.streams.attach(element, stream);
  }

  get microphone(): MediaStreamTrack | null {
    return this.devices.microphone;
  }

  loudness(): number | null {
    return this.meter.loudness();
  }

  links(): ReadonlyMap<string, PeerLink> {
    return this.open;
  }

  /** One picture for all: what a link costs depends on how many there are. */
  private share(): void {
    const budget = budgetFor(this.open.size);
    for (const link of this.open.values()) link.setBudget(budget);
  }

  private onTrack(kind: Kind, track: MediaStreamTrack | null): void {
    this.tracks = { ...this.tracks, [kind === "microphone" ? "audio" : "video"]: track };
    if (kind === "microphone") this.meter.watch(track);
    for (const link of this.open.values()) link.setTracks(this.tracks);
  }

  private run(on: boolean): void {
    if (on === (this.levelTimer !== null)) return;
    if (this.levelTimer !== null) clearInterval(this.levelTimer);
    if (this.sampleTimer !== null) clearInterval(this.sampleTimer);
    this.levelTimer = on ? setInterval(() => this.measure(), 100) : null;
    this.sampleTimer = on ? setInterval(() => void this.sample(), 1000) : null;
  }

  private measure(): void {
    const remote = [...this.open].map(([key, link]) => ({ key, level: link.level() }));
    this.tell({ type: "levels", self: this.meter.read(), remote, now: Date.now() });
  }

  private async sample(): Promise<void> {
    const now = Date.now();
    const samples = await Promise.all(
      [...this.open].map(async ([key, link]) => {
        const before = link.stats;
        const after = await link.sample(now);
        return { key, rttMs: after.rttMs, loss: lossBetween(before, after) };
      }),
    );
    if (samples.length > 0) this.tell({ type: "samples", samples, now });
  }
}

type PeerLinkIce = Parameters<Media["openLink"]>[1]["iceServers"];

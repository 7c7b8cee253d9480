// Negotiation of one connection: the operations chain, snapshots, and whether negotiation is needed.
import type { Description, PeerEvent, Snapshot } from "../wire";
import { Bundle } from "./bundle";
import { Candidates } from "./candidates";
import { OperationsChain } from "./chain";
import type { Channels } from "./channels";
import type { Commands } from "./commands";
import { Descriptions } from "./descriptions";
import { queueTask } from "./handlers";
import type { Line } from "./line";
import type { Lines } from "./lines";
import { negotiationNeeded } from "./negotiation";
import { RemoteTracks } from "./remote-tracks";
import { layersAsked, parseSdp, sends } from "./sdp";
import type { Transport } from "./transports";

export class Signaling {
  readonly descriptions = new Descriptions();
  readonly candidates: Candidates;
  readonly bundle: Bundle;
  state: RTCSignalingState = "stable";
  #target: EventTarget;
  #commands: Commands;
  #lines: Lines;
  #channels: Channels;
  #chain = new OperationsChain(() => this.#chainEmptied());
  #tracks: RemoteTracks;
  #needed = false;
  #updateWhenEmpty = false;
  /** ICE credentials that `restartIce` wants replaced. */
  #replacing = new Set<string>();
  /** The streams of each sender when a description was last made. */
  #offered = new Map<Line, string[]>();
  /** Events that came before the page knows of the description they belong to. */
  #held: PeerEvent[] = [];
  /** A description is being set. */
  #describing = false;
  #release: (event: PeerEvent) => void;

  /** `bundled`: all sections share one transport from the first offer on. */
  constructor(
    target: EventTarget,
    commands: Commands,
    lines: Lines,
    channels: Channels,
    transport: Transport,
    bundled: boolean,
    release: (event: PeerEvent) => void,
  ) {
    this.#target = target;
    this.#commands = commands;
    this.#lines = lines;
    this.#channels = channels;
    this.#release = release;
    this.#tracks = new RemoteTracks(target, lines);
    this.candidates = new Candidates(this.#chain, commands, this.descriptions, transport);
    this.bundle = new Bundle(transport, this.descriptions, lines, channels, bundled);
  }

  createOffer(iceRestart: boolean): Promise<Description> {
    return this.#chain.enqueue(async () => {
      if (this.state !== "stable" && this.state !== "have-local-offer")
        throw new DOMException(`there is no offering in ${this.state}`, "InvalidStateError");
      for (;;) {
        const { revision } = this.#lines;
        const channels = this.#channels.any;
        this.#offerStreams();
        const offer = await this.#commands.send<Description>({
          type: "create-offer",
          ...(iceRestart && { iceRestart: true }),
        });
        // The page may have changed what is to be offered meanwhile.
        if (revision === this.#lines.revision && channels === this.#channels.any) return offer;
      }
    });
  }

  createAnswer(): Promise<Description> {
    return this.#chain.enqueue(async () => {
      this.#assertAnswerable();
      for (;;) {
        const { revision } = this.#lines;
        this.#offerStreams();
        const answer = await this.#commands.send<Description>({ type: "create-answer" });
        if (revision === this.#lines.revision) return answer;
      }
    });
  }

  #assertAnswerable(): void {
    if (this.state !== "have-remote-offer" && this.state !== "have-local-pranswer")
      throw new DOMException(`there is no offer to answer in ${this.state}`, "InvalidStateError");
  }

  setLocal(description: RTCLocalSessionDescriptionInit): Promise<void> {
    return this.#chain.enqueue(async () => {
      const { sdp } = description;
      const offering = ["stable", "have-local-offer", "have-remote-pranswer"].includes(this.state);
      const type = description.type ?? (offering ? "offer" : "answer");
      this.#assertApplicable("local", type);
      const implicit = !sdp && type !== "rollback";
      if (implicit) this.#offerStreams();
      await this.#describe(async () => {
        const snapshot = await this.#commands.send<Snapshot>({
          type: "set-local",
          description: { type, ...(sdp && { sdp }) },
        });
        if (type !== "rollback") for (const [line, streams] of this.#offered) line.advertised = streams;
        await this.#apply(snapshot, type, "local");
      });
    });
  }

  setRemote(description: RTCSessionDescriptionInit): Promise<void> {
    return this.#chain.enqueue(async () => {
      const { type, sdp = "" } = description;
      if (type === "offer" && this.state === "have-local-offer") {
        // The implicit rollback of WebRTC 4.4.1.5: an offer that comes while ours is open undoes ours.
        await this.#apply(
          await this.#commands.send<Snapshot>({ type: "set-local", description: { type: "rollback" } }),
          "rollback",
          "local",
        );
      }
      this.#assertApplicable("remote", type);
      // What the page does before it waits is part of what the description meets: a track that it adds goes by an offered section.
      await undefined;
      if (this.#chain.closed) return;
      await this.#describe(async () => {
        const snapshot = await this.#commands.send<Snapshot>({
          type: "set-remote",
          description: { type, sdp },
        });
        await this.#apply(snapshot, type, "remote");
      });
    });
  }

  /** Holds events back until the page knows of the description. */
  async #describe(operation: () => Promise<void>): Promise<void> {
    this.#describing = true;
    try {
      await operation();
    } finally {
      this.#describing = false;
      for (let count = this.#held.length; count > 0; count--) queueTask(() => this.#releaseHeld());
    }
  }

  /** Runs what must not run beside the setting of descriptions. */
  enqueue<T>(operation: () => Promise<T>): Promise<T> {
    return this.#chain.enqueue(operation);
  }

  /** Whether the state allows a description of this type (RFC 9429 4.1.10 and 5.5). */
  #assertApplicable(side: "local" | "remote", type: RTCSdpType): void {
    const ours = side === "local";
    const allowed: Record<RTCSdpType, RTCSignalingState[]> = {
      offer: ["stable", ours ? "have-local-offer" : "have-remote-offer"],
      answer: ours
        ? ["have-remote-offer", "have-local-pranswer"]
        : ["have-local-offer", "have-remote-pranswer"],
      pranswer: ours
        ? ["have-remote-offer", "have-local-pranswer"]
        : ["have-local-offer", "have-remote-pranswer"],
      rollback: ["have-local-offer", "have-remote-offer"],
    };
    if (!allowed[type].includes(this.state))
      throw new DOMException(`no ${side} ${type} can be applied in ${this.state}`, "InvalidStateError");
  }

  restartIce(): void {
    const { currentLocal, pendingLocal } = this.descriptions;
    for (const description of [currentLocal, pendingLocal]) {
      if (description)
        for (const credentials of parseSdp(description.sdp).credentials) this.#replacing.add(credentials);
    }
    this.#commands.post(() => ({ type: "restart-ice" }));
    this.updateNeeded();
  }

  /** WebRTC 4.7.3: at most one event however many reasons, and none while descriptions are under way. */
  updateNeeded(): void {
    if (!this.#chain.empty) {
      this.#updateWhenEmpty = true;
      return;
    }
    queueTask(() => {
      if (this.#chain.closed) return;
      if (!this.#chain.empty) {
        this.#updateWhenEmpty = true;
        return;
      }
      if (this.state !== "stable") return;
      if (!this.#check()) {
        this.#needed = false;
        return;
      }
      if (this.#needed) return;
      this.#needed = true;
      this.#target.dispatchEvent(new Event("negotiationneeded"));
    });
  }

  /** Takes an event of the engine: each comes in a task of its own, and none while a description is being set. */
  hear(event: PeerEvent): void {
    this.#held.push(event);
    if (!this.#describing) queueTask(() => this.#releaseHeld());
  }

  close(): void {
    this.state = "closed";
    this.#chain.close();
    this.bundle.close();
    this.#held.length = 0;
  }

  #check(): boolean {
    const { currentLocal, currentRemote } = this.descriptions;
    return negotiationNeeded({
      currentLocal,
      currentRemote,
      replacing: this.#replacing.size > 0,
      hasChannels: this.#channels.any,
      transceivers: this.#lines.all().map((line) => ({
        mid: line.mid,
        stopping: line.stopping,
        stopped: line.stopped,
        direction: line.direction,
        streams: line.streams,
        advertised: line.advertised,
      })),
    });
  }

  #chainEmptied(): void {
    if (!this.#updateWhenEmpty) return;
    this.#updateWhenEmpty = false;
    this.updateNeeded();
  }

  #offerStreams(): void {
    this.#offered = new Map(this.#lines.all().map((line) => [line, line.streams]));
  }

  #releaseHeld(): void {
    if (this.#describing || this.#chain.closed) return;
    const event = this.#held.shift();
    if (event) this.#release(event);
  }

  /** Makes the page's objects agree with what Rust says, and fires the events in the order of WebRTC 4.4.1.5. */
  async #apply(snapshot: Snapshot, type: RTCSdpType, side: "local" | "remote"): Promise<void> {
    if (this.#chain.closed) return;
    const change = this.#tracks.compare(snapshot);
    for (const { number, kind } of change.created) {
      if (kind === "video") await this.#commands.runtime.media.spareReady();
      if (this.#chain.closed) return;
      const { trackId } = snapshot.transceivers.find(({ transceiver }) => transceiver === number) ?? {};
      this.#lines.adopt(kind, number, trackId ?? null);
    }
    const former = this.state;
    this.state = snapshot.signalingState;
    this.descriptions.take(snapshot);
    this.bundle.describe(snapshot, type);
    const { iceGatheringState: state } = snapshot;
    // Where nothing is left to gather for, that is so at once.
    if (state === "new" && type !== "rollback")
      this.#release({ type: "ice-gathering-state", pc: this.#commands.number, state });
    // Whoever heard of that may have closed the connection.
    if (this.#chain.closed) return;
    for (const next of snapshot.transceivers) {
      const line = this.#lines.byNumber(next.transceiver);
      if (!line) continue;
      // What is stopped leaves with the answer that rejects its section.
      if (next.stopped && !line.stopped) this.#lines.markStopped(line);
      line.removed ||= next.stopped && type === "answer";
      line.mid = line.removed ? null : next.mid;
      line.currentDirection = next.currentDirection;
      if (type !== "offer" || side === "remote") {
        const remote = side === "remote" ? this.descriptions.remote : null;
        const asked = layersAsked(remote && type !== "rollback" ? remote.sdp : "", line.mid ?? "");
        line.layer(next.rids, asked, type === "rollback");
      }
      line.ssrcs = next.ssrcs;
      line.agree(next.codecs, next.h264);
      if (this.state === "stable") line.settle();
      line.hasSent ||= sends(next.currentDirection);
    }
    if (type !== "offer" || side === "local") this.bundle.assign(type);
    if (this.state === "stable") {
      this.#needed = false;
      this.#dropReplaced();
      this.updateNeeded();
    }
    this.#lines.sync();
    if (this.state !== former) this.#target.dispatchEvent(new Event("signalingstatechange"));
    this.#tracks.apply(change);
  }

  #dropReplaced(): void {
    const { currentLocal } = this.descriptions;
    if (this.#replacing.size === 0 || !currentLocal) return;
    const { credentials } = parseSdp(currentLocal.sdp);
    if (![...credentials].some((one) => this.#replacing.has(one))) this.#replacing.clear();
  }
}

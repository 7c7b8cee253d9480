/** Drives the connection doctor: listens to the page, runs the probes, tells the view. It judges nothing. */
import type { App, AppEvent, Effect } from "./core/app";
import type { Clinic, ClinicView, TimelineView } from "./core/doctor/clinic";
import { diagnose } from "./core/doctor/diagnose";
import type { Heard } from "./core/doctor/ear";
import { settled } from "./core/doctor/echo";
import {
  BEFORE_A_CALL,
  type ExamEffect,
  type ExamEvent,
  IN_A_CALL,
  NO_EXAM,
  type StepId,
  updateExam,
} from "./core/doctor/exam";
import type { Facts, VoicesFact } from "./core/doctor/facts";
import { linkFacts, type Watch, watch } from "./core/doctor/watch";
import type { Host } from "./core/ports";
import { share } from "./core/share";
import { report } from "./core/timeline/report";
import { newTimeline, numberOf, record, recordLink, type Timeline } from "./core/timeline/timeline";
import type { Lang, Readable } from "./core/view-model";
import { wordsFor } from "./core/words";
import type { IceServer } from "./generated/IceServer";
import type { MediaInsight } from "./media/web-rtc-media";
import type { Page } from "./run";
import { tryServer } from "./signaling-probe";

export class Examiner implements Clinic {
  readonly view: Readable<ClinicView>;
  readonly timeline: Readable<TimelineView>;
  private exam = NO_EXAM;
  private heard: Heard | null = null;
  private links: Watch = [];
  private written: Timeline = newTimeline(Date.now());
  /** What the server named when it was tried before a call. */
  private iceServers: readonly IceServer[] = [];
  private page: Page | null = null;
  private media: MediaInsight | null = null;
  private scope = new AbortController();
  private readonly shown: Store<ClinicView>;
  private readonly told: Store<TimelineView>;

  constructor(private readonly host: Host) {
    this.shown = new Store(() => this.viewed());
    this.told = new Store(() => this.named());
    this.view = this.shown;
    this.timeline = this.told;
  }

  /** Before anything happens that is worth looking at. */
  meet(page: Page, media: MediaInsight): void {
    this.page = page;
    this.media = media;
    // Before it is needed: when the line is down, it is too late.
    const soon = window.requestIdleCallback ?? ((then: () => void) => setTimeout(then, 200));
    soon(() => {
      loadProbes().catch((error: unknown) => console.warn("the probes could not be fetched ahead", error));
    });
  }

  readonly observe = (before: App, event: AppEvent, after: App, effects: readonly Effect[]): void => {
    const now = Date.now();
    const written = record(this.written, before, event, after, effects, now);
    this.links = watch(this.links, event, effects, now);
    if (written === this.written) return;
    this.written = written;
    this.told.changed();
  };

  /** A link's state that only `media/` sees. */
  readonly observeLink = (key: string, what: string, state: string): void => {
    this.written = recordLink(this.written, key, what, state, Date.now());
    this.told.changed();
  };

  listen(): () => void {
    const { media } = this;
    const scope = new AbortController();
    const tell = (heard: Heard) => {
      this.heard = heard;
      this.shown.changed();
    };
    loadProbes()
      .then((probes) => media && probes.listenForEcho(media, this.host.echoLeaves, tell, scope.signal))
      .catch((error: unknown) => console.warn("echo cannot be listened for", error));
    return () => {
      scope.abort(new Error("nobody looks any more"));
      this.heard = null;
    };
  }

  begin(): void {
    this.put({ type: "begin", steps: this.page?.state().screen.at === "call" ? IN_A_CALL : BEFORE_A_CALL });
  }

  cancel(): void {
    this.put({ type: "cancel" });
  }

  async copyReport(lang: Lang): Promise<boolean> {
    try {
      await this.host.copyText(this.reportIn(lang));
      return true;
    } catch (error) {
      console.warn("the report cannot be copied", error);
      return false;
    }
  }

  async saveReport(lang: Lang): Promise<string | null> {
    try {
      return await this.host.saveReport(this.reportIn(lang));
    } catch (error) {
      console.warn("the report cannot be saved", error);
      return null;
    }
  }

  private put(event: ExamEvent): void {
    const [exam, effects] = updateExam(this.exam, event);
    this.exam = exam;
    for (const effect of effects) this.perform(effect);
    this.shown.changed();
  }

  private perform(effect: ExamEffect): void {
    if (effect.do === "abort") {
      this.scope.abort(new Error("the examination was cancelled"));
      this.scope = new AbortController();
      return;
    }
    const { run, step } = effect;
    const { signal } = this.scope;
    this.probe(step, signal).then(
      (facts) => this.put({ type: "found", run, step, facts }),
      (error: unknown) => {
        if (!signal.aborted) console.warn(`the ${step} cannot be examined`, error);
        this.put({ type: "failed", run, step });
      },
    );
  }

  private async probe(step: StepId, signal: AbortSignal): Promise<Partial<Facts>> {
    const { page, media } = this;
    if (page === null || media === null) throw new Error("there is no page yet");
    const probes = await loadProbes();
    const app = page.state();
    const inCall = app.screen.at === "call";
    switch (step) {
      case "devices": {
        const { wish, camera, microphone } = app.devices;
        return probes.lookAtDevices(
          {
            camera: { live: camera, deviceId: wish.camera.deviceId },
            microphone: { live: microphone, deviceId: wish.microphone.deviceId },
            speaker: wish.speaker,
            open: media.microphone,
            inCall,
          },
          signal,
        );
      }
      case "server":
        return this.probeServer(app, signal);
      case "network": {
        await this.host.ensurePeerConnection();
        return { network: await probes.gather(this.servers(app), signal) };
      }
      case "relay": {
        const servers = this.servers(app);
        // Where nobody named any, that is not the server's doing.
        if (servers.length === 0 && this.exam.facts.signaling?.is !== "reached") return {};
        const tried = await probes.tryRelays(servers, { fill: !inCall }, signal);
        const byUdp = tried.relays.some(
          ({ transport, result }) => transport === "udp" && result.is === "works",
        );
        return { ...tried, seenAs: byUdp ? await probes.seenThroughRelay(servers, signal) : null };
      }
      case "call": {
        const packets = await probes.countPackets(media.links(), signal);
        const number = (key: string) => numberOf(this.written, key);
        return { links: linkFacts(this.links, page.state(), packets, number, Date.now()) };
      }
    }
  }

  private async probeServer(app: App, signal: AbortSignal): Promise<Partial<Facts>> {
    const server = serverIn(app);
    if (server === null) return {};
    const [tried, clockAheadMs] = await Promise.all([
      tryServer(this.host.signaling, server, signal),
      this.host.clockAhead(server, signal),
    ]);
    this.iceServers = tried.iceServers;
    return { signaling: tried.fact, clockAheadMs };
  }

  /** Those of the call are what its links use; before it, those that a room of our own was told of. */
  private servers({ screen }: App): readonly IceServer[] {
    return screen.at === "call" ? screen.call.iceServers : this.iceServers;
  }

  private viewed(): ClinicView {
    const { state, steps } = this.exam;
    const names = this.names();
    const findings = diagnose(this.facts()).map((finding) => ({
      ...finding,
      name: finding.peer === null ? "" : (names.get(finding.peer) ?? ""),
    }));
    return share(this.shown.last, { state, steps, findings });
  }

  private named(): TimelineView {
    return { timeline: this.written, names: this.names() };
  }

  private facts(): Facts {
    const { state, facts } = this.exam;
    if (this.heard === null) return facts;
    const voices: VoicesFact = {
      own: this.heard.own,
      others: [...this.heard.others].map(([key, heard]) => ({ peer: numberOf(this.written, key), heard })),
    };
    return { ...facts, voices: state === "done" ? voices : settled(voices) };
  }

  private names(): ReadonlyMap<number, string> {
    const screen = this.page?.state().screen;
    const peers = screen?.at === "call" ? screen.call.peers : [];
    return new Map(
      peers.flatMap(({ key, peerId, name }) => [key, peerId].map((id) => [numberOf(this.written, id), name])),
    );
  }

  /** With numbers where the view has names. */
  private reportIn(lang: Lang): string {
    const { doctor } = wordsFor(lang);
    const facts = this.facts();
    const findings = diagnose(facts).map((finding) => {
      const { says, fix } = doctor.findings[finding.code];
      const who = finding.peer === null ? doctor.somebody : doctor.timeline.peer(`${finding.peer}`);
      return { ...finding, says: says(who, finding.value), fix: fix ?? null };
    });
    const { kind: host, version } = this.host;
    return report({ host, version, now: Date.now(), findings, facts, timeline: this.written });
  }
}

const loadProbes = () => import("./media/doctor");

/** Made when somebody looks, and told when it changed. */
class Store<T> implements Readable<T> {
  last: T | undefined;
  private readonly listeners = new Set<(value: T) => void>();

  constructor(private readonly make: () => T) {}

  subscribe(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    this.last = this.make();
    listener(this.last);
    return () => this.listeners.delete(listener);
  }

  changed(): void {
    if (this.listeners.size === 0) return;
    this.last = this.make();
    for (const listener of this.listeners) listener(this.last);
  }
}

function serverIn({ screen, settings, setup }: App): string | null {
  switch (screen.at) {
    case "call":
      return screen.call.link.server;
    case "lobby":
    case "after":
      return screen.link.server;
    case "trouble":
      return screen.link?.server ?? settings.server ?? setup.defaultServer;
    case "home":
      return settings.server ?? setup.defaultServer;
  }
}

/** The camera and the microphone, brought to what the person wants of them; and the list of what there is. */
import type { DeviceChoices, DeviceLive, DevicesWish, DeviceWish, MediaEvent } from "../core/ports";
import { Reconciler } from "../core/reconcile";
import type { DeviceChoice, DeviceProblem } from "../core/view-model";
import { type Kind, Opener } from "./open";
import type { Streams } from "./streams";

export interface DeviceListener {
  tell(event: MediaEvent): void;
  /** The track to send, or null; it changes before the state that is told. */
  track(kind: Kind, track: MediaStreamTrack | null): void;
}

export class Devices {
  private readonly slots: Record<Kind, Slot>;
  private wanted: DevicesWish | null = null;

  constructor(
    streams: Streams,
    private readonly listener: DeviceListener,
  ) {
    const opener = new Opener();
    const lost = (kind: Kind) => {
      listener.tell({ type: "device-lost", kind });
      this.retry();
    };
    const opened = () => void this.list();
    this.slots = {
      microphone: new Slot("microphone", opener, streams, listener, { lost, opened }),
      camera: new Slot("camera", opener, streams, listener, { lost, opened }),
    };
    // Absent where the page is no secure context.
    navigator.mediaDevices?.addEventListener("devicechange", () => this.onDeviceChange());
  }

  wish(wish: DevicesWish | null): void {
    this.wanted = wish;
    for (const kind of KINDS) this.slots[kind].want(wish?.[kind] ?? null);
    if (wish !== null) void this.list();
  }

  retry(): void {
    const { wanted } = this;
    for (const kind of KINDS) this.slots[kind].want(wanted?.[kind] ?? null, true);
  }

  get microphone(): MediaStreamTrack | null {
    return this.slots.microphone.track;
  }

  /** Labels come only once a device was opened, so they are asked for again after each opening. */
  private async list(): Promise<void> {
    if (navigator.mediaDevices === undefined) return;
    try {
      const devices = await navigator.mediaDevices.enumerateDevices();
      this.listener.tell({ type: "choices", choices: choicesOf(devices, canChooseSpeaker()) });
    } catch (error) {
      console.warn("the devices cannot be listed", error);
    }
  }

  private onDeviceChange(): void {
    if (this.wanted === null) return;
    void this.list();
    // One that was missing may have been plugged in.
    if (KINDS.some((kind) => this.slots[kind].failed)) this.retry();
  }
}

/** Each device once: some systems list a microphone by every road that leads to it, under one id. */
export function choicesOf(devices: readonly MediaDeviceInfo[], speakers: boolean): DeviceChoices {
  const of = (kind: MediaDeviceKind): DeviceChoice[] => {
    const seen = new Map<string, DeviceChoice>();
    for (const { kind: its, deviceId, label } of devices) {
      // Before a permission ids are empty, and there is nothing to choose by.
      if (its === kind && deviceId !== "" && !seen.has(deviceId)) seen.set(deviceId, { deviceId, label });
    }
    return [...seen.values()];
  };
  return {
    microphone: of("audioinput"),
    camera: of("videoinput"),
    speaker: speakers ? of("audiooutput") : null,
  };
}

const KINDS: readonly Kind[] = ["microphone", "camera"];

function canChooseSpeaker(): boolean {
  return "setSinkId" in HTMLMediaElement.prototype;
}

/** A device that ends this soon after it was opened has not worked at all. */
const GIVES_UP_MS = 2_000;

interface SlotWish {
  readonly device: DeviceWish | null;
  readonly retry: boolean;
}

/** One device. A camera that is off is closed, its light out; a muted microphone stays open, so that unmuting is instant. */
class Slot {
  track: MediaStreamTrack | null = null;
  failed = false;
  private live: DeviceLive = { state: "off", problem: null, stream: null, deviceId: null };
  /** What the open track was asked for. */
  private openedFor: string | null = null;
  private readonly reconciler = new Reconciler<SlotWish>((wish, superseded) => this.apply(wish, superseded));

  constructor(
    private readonly kind: Kind,
    private readonly opener: Opener,
    private readonly streams: Streams,
    private readonly listener: DeviceListener,
    private readonly on: { lost(kind: Kind): void; opened(): void },
  ) {}

  want(device: DeviceWish | null, retry = false): void {
    this.reconciler.want({ device, retry });
  }

  private async apply({ device, retry }: SlotWish, superseded: () => boolean): Promise<void> {
    if (device === null || (!device.on && this.kind === "camera")) {
      this.failed = false;
      this.release();
      return this.tell({ state: "off", problem: null });
    }
    if (!device.on) {
      this.failed = false;
      if (this.track !== null) this.track.enabled = false;
      return this.tell({ state: "off", problem: null });
    }
    const open = this.track?.readyState === "live" && this.openedFor === device.deviceId;
    if (open && this.track !== null) {
      this.track.enabled = true;
      return this.tell({ state: "live", problem: null });
    }
    if (this.failed && !retry && this.openedFor === device.deviceId) return;
    // A camera that is held by us would be busy for ourselves.
    this.release();
    this.openedFor = device.deviceId;
    this.tell({ state: "starting", problem: null });
    const opened = await this.opener.open(this.kind, device.deviceId);
    this.failed = !opened.ok;
    if (opened.ok) this.hold(opened.track);
    // The track may have ended again before anybody looked.
    if (superseded() || this.failed !== !opened.ok) return;
    this.tell(opened.ok ? { state: "live", problem: null } : { state: "failed", problem: opened.problem });
  }

  private hold(track: MediaStreamTrack): void {
    this.track = track;
    this.live = {
      ...this.live,
      stream: this.streams.open(track),
      deviceId: track.getSettings().deviceId ?? null,
    };
    const openedAt = performance.now();
    // Fires only when the device goes, not when we stop it.
    track.addEventListener("ended", () => {
      if (this.track !== track) return;
      // One that gives up at once is held by somebody else: to open it again and again would not help.
      if (performance.now() - openedAt < GIVES_UP_MS) this.fail("busy");
      else this.on.lost(this.kind);
    });
    this.listener.track(this.kind, track);
    this.on.opened();
  }

  private fail(problem: DeviceProblem): void {
    this.failed = true;
    this.release();
    this.tell({ state: "failed", problem });
  }

  private release(): void {
    const { track } = this;
    this.track = null;
    if (track === null) return;
    this.streams.close(this.live.stream);
    this.live = { ...this.live, stream: null, deviceId: null };
    this.listener.track(this.kind, null);
    track.stop();
  }

  private tell(change: Pick<DeviceLive, "state" | "problem">): void {
    const next = { ...this.live, ...change };
    const changed = next.state !== this.live.state || next.problem !== this.live.problem;
    this.live = next;
    if (changed || next.state === "live") this.listener.tell({ type: "device", kind: this.kind, live: next });
  }
}

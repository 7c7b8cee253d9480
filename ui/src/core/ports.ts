/**
 * What the core asks of the world. `platform/` has two hosts (desktop, web), `media/` the devices and the peer
 * connections, the tests their fakes. Nothing here imports the DOM, Tauri or WebRTC.
 */
import type { ClientMessage } from "../generated/ClientMessage";
import type { IceServer } from "../generated/IceServer";
import type { SessionEvent } from "../generated/SessionEvent";
import type { Chime } from "./chime";
import type { Parsed, RoomLink } from "./link";
import type { Opened } from "./seal/channel";
import type { Header } from "./seal/envelope";
import type { OwnSeat } from "./seal/room";
import type { LinkSignal } from "./signal";
import type { DeviceChoice, DeviceProblem, DeviceView } from "./view-model";

export interface Signaling {
  /** Takes a seat and keeps it: the session reconnects by itself until `leave`, or an `ended` event. */
  join(request: JoinRequest, onEvent: (event: SessionEvent) => void): SignalingSession;
}

export interface JoinRequest {
  /** `http(s)://HOST[:PORT]`, without a path. */
  server: string;
  roomId: string;
  name: string | null;
  identity: string | null;
  capacity: number | null;
  /** What an operator's invitation carries; null on a server that is open to all. */
  token: string | null;
  /** Names this join in every part's traces. */
  joinId: string;
}

export interface SignalingSession {
  /** In order, exactly once, queued while away. Which fate it met comes as a `settled` event. */
  send(message: ClientMessage): void;
  leave(): void;
}

export interface Host {
  readonly kind: "desktop" | "web";
  readonly version: string;
  readonly signaling: Signaling;
  /** Null where the page may not use the browser's cryptography: one that came over plain http from another machine. */
  readonly vault: Vault | null;
  readonly storage: Storage;
  /** The server that new rooms are started on; null where the person has to name one first. */
  readonly defaultServer: string | null;
  /** A link that this start was asked to open (deep link, `--join`, the page's own address). */
  readonly firstLink: Parsed<RoomLink> | null;
  /** True when `firstLink` came with the person's wish to skip the lobby (`snug --join URL`). */
  readonly joinAtOnce: boolean;
  /** Later links: a deep link or a second start. Returns the way to stop listening. */
  onLink(listener: (link: Parsed<RoomLink>, joinAtOnce: boolean) => void): () => void;
  copyText(text: string): Promise<void>;
  /** Leaves the doctor's report among the person's downloads. Resolves to where it lies. */
  saveReport(text: string): Promise<string>;
  /** Milliseconds by which our clock is ahead of the server's, to a second; null where that cannot be known. */
  clockAhead(server: string, signal: AbortSignal): Promise<number | null>;
  /** Makes `RTCPeerConnection` exist where the webview has none. Resolves at once elsewhere. */
  ensurePeerConnection(): Promise<void>;
  /** What echo is taken out of: the microphone's track, or only what the peer connection sends of it. */
  readonly echoLeaves: "track" | "connection";
  /** One of the twelve points of a join; `at` is milliseconds since the Unix epoch, with fractions. */
  trace(joinId: string, point: number, name: string, at: number): void;
  /** Addresses came or went, or the machine is online again: what was a way to the others may be none any more. */
  onNetworkChange(listener: () => void): () => void;
  /** The window is about to close: `listener` leaves the call first. */
  onClose(listener: () => void): () => void;
  setTitle(title: string): void;
  /** Where the page has an address of its own, it becomes this room's link, so that a reload comes back to it. */
  showLink(link: RoomLink | null): void;
  /** The page lets tests read its counters (`window.__snug`). Never so by itself. */
  readonly testMode: boolean;
}

/** What is done with the secrets of links. Nothing that it makes of them can be read out again. */
export interface Vault {
  /** `secret` and `roomId` as a link has them. */
  open(secret: string, roomId: string): Promise<RoomKey>;
}

export interface RoomKey {
  /** A new session of our own, for a new seat. */
  newSession(): Promise<Pick<OwnSeat, "s" | "nonce" | "commit">>;
  /** The `data` of a message to `header.to`. */
  seal(header: Header, text: string): Promise<unknown>;
  /** Null for what is no letter from `from` to `to` under this key. */
  unseal(from: string, to: string, data: unknown): Promise<Opened | null>;
  sealName(name: string): Promise<string>;
  /** Null for a name in clear, or under another key. */
  unsealName(name: string): Promise<string | null>;
  /** 16 bytes for the code to compare; takes a while on purpose. */
  makeCode(gathered: string): Promise<Uint8Array>;
}

/** What survives a restart. Values are JSON. A value that cannot be read is as good as absent. */
export interface Storage {
  read(key: string): unknown;
  write(key: string, value: unknown): void;
}

/** What the person wants of the devices; null where nothing may be open. */
export interface DevicesWish {
  readonly microphone: DeviceWish;
  readonly camera: DeviceWish;
  readonly speaker: string | null;
}

export interface DeviceWish {
  readonly on: boolean;
  readonly deviceId: string | null;
}

/** What became of it. */
export interface DeviceLive {
  readonly state: DeviceView["state"];
  readonly problem: DeviceProblem | null;
  readonly stream: StreamHandle | null;
  /** The device that answered, which need not be the one that was asked for. */
  readonly deviceId: string | null;
}

export interface DeviceChoices {
  readonly microphone: readonly DeviceChoice[];
  readonly camera: readonly DeviceChoice[];
  /** Null where the webview cannot choose one. */
  readonly speaker: readonly DeviceChoice[] | null;
}

/** What `media/` tells the core. `key` names a link to one remote page; it outlives a change of seat. */
export type MediaEvent =
  | { readonly type: "device"; readonly kind: "microphone" | "camera"; readonly live: DeviceLive }
  | { readonly type: "choices"; readonly choices: DeviceChoices }
  | { readonly type: "device-lost"; readonly kind: "microphone" | "camera" }
  | { readonly type: "link-signal"; readonly key: string; readonly signal: LinkSignal }
  | { readonly type: "link-state"; readonly key: string; readonly state: LinkState; readonly now: number }
  | {
      readonly type: "link-streams";
      readonly key: string;
      readonly audio: StreamHandle | null;
      readonly video: StreamHandle | null;
    }
  | { readonly type: "samples"; readonly samples: readonly LinkSample[]; readonly now: number }
  | {
      readonly type: "levels";
      /** 0 to 1; null while the microphone is off. */
      readonly self: number | null;
      readonly remote: readonly { readonly key: string; readonly level: number }[];
      readonly now: number;
    };

export type LinkState = "new" | "connected" | "disconnected" | "failed";

/** One second of one link. */
export interface LinkSample {
  readonly key: string;
  /** Null while unknown. */
  readonly rttMs: number | null;
  /** Of the packets expected in this second, 0 to 1. */
  readonly loss: number | null;
}

/** What `media/` does for the core. Its answers are `MediaEvent`s. */
export interface Media {
  wish(wish: DevicesWish | null): void;
  /** Tries what failed once more, although the wish is the same. */
  retryDevices(): void;
  /** A new certificate for all links to come. Resolves to its SHA-256 in lower-case hexadecimal. */
  certify(): Promise<string>;
  openLink(key: string, how: { polite: boolean; offer: boolean; iceServers: readonly IceServer[] }): void;
  /** The same remote page sits on a new seat, and what was under way may be lost. */
  rebindLink(key: string, polite: boolean, iceServers: readonly IceServer[]): void;
  closeLink(key: string): void;
  /** Looks for new ways on all links at once; the old ones carry what they can until then. */
  networkChanged(): void;
  signal(key: string, signal: LinkSignal): void;
  testSpeaker(): void;
  chime(chime: Chime): void;
  attach(element: HTMLMediaElement, stream: StreamHandle): () => void;
}

/** A stream that only `media/` can open; the view hands it to `attach`. */
export interface StreamHandle {
  readonly streamId: string;
}

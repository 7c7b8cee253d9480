/**
 * What the core asks of the world. `platform/` has two hosts (desktop, web), `media/` the devices and the peer
 * connections, the tests their fakes. Nothing here imports the DOM, Tauri or WebRTC.
 */
import type { ClientMessage } from "../generated/ClientMessage";
import type { SessionEvent } from "../generated/SessionEvent";
import type { RoomLink } from "./link";

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
  readonly storage: Storage;
  /** The server that new rooms are started on; null where the person has to name one first. */
  readonly defaultServer: string | null;
  /** A link that this start was asked to open (deep link, `--join`, the page's own address). */
  readonly firstLink: RoomLink | null;
  /** True when `firstLink` came with the person's wish to skip the lobby (`snug --join URL`). */
  readonly joinAtOnce: boolean;
  /** Later links: a deep link or a second start. Returns the way to stop listening. */
  onLink(listener: (link: RoomLink) => void): () => void;
  copyText(text: string): Promise<void>;
  /** Makes `RTCPeerConnection` exist where the webview has none. Resolves at once elsewhere. */
  ensurePeerConnection(): Promise<void>;
  /** One of the twelve points of a join; `at` is milliseconds since the Unix epoch, with fractions. */
  trace(joinId: string, point: number, name: string, at: number): void;
  /** The window is about to close: `listener` leaves the call first. */
  onClose(listener: () => void): () => void;
  setTitle(title: string): void;
}

/** What survives a restart. Values are JSON. A value that cannot be read is as good as absent. */
export interface Storage {
  read(key: string): unknown;
  write(key: string, value: unknown): void;
}

/** A stream that only `media/` can open; the view hands it to `attach`. */
export interface StreamHandle {
  readonly streamId: string;
}

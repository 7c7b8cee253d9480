/**
 * A standard `RTCPeerConnection` for Tauri webviews that have none.
 *
 * ```ts
 * if (supported()) await install();
 * const pc = new RTCPeerConnection();
 * ```
 *
 * The page's CSP must allow `connect-src ipc: http://ipc.localhost ws://127.0.0.1:*`, workers and scripts from
 * `'self'`, and `media-src mediastream:`. Audio starts with the first gesture of the user or granted microphone.
 */
import { DataChannel } from "./surface/channel";
import { PeerConnection } from "./surface/connection";
import {
  DtlsTransport,
  IceCandidate,
  IceTransport,
  SctpTransport,
  SessionDescription,
} from "./surface/description";
import {
  DataChannelEvent,
  PeerConnectionIceErrorEvent,
  PeerConnectionIceEvent,
  PeerError,
  PeerErrorEvent,
  TrackEvent,
} from "./surface/events";
import { runtime, startRuntime } from "./surface/runtime";
import { StatsReport } from "./surface/stats";
import { Receiver, Sender, Transceiver } from "./surface/transceiver";

const CONSTRUCTORS = {
  RTCPeerConnection: PeerConnection,
  RTCSessionDescription: SessionDescription,
  RTCIceCandidate: IceCandidate,
  RTCIceTransport: IceTransport,
  RTCDtlsTransport: DtlsTransport,
  RTCSctpTransport: SctpTransport,
  RTCRtpSender: Sender,
  RTCRtpReceiver: Receiver,
  RTCRtpTransceiver: Transceiver,
  RTCDataChannel: DataChannel,
  RTCStatsReport: StatsReport,
  RTCPeerConnectionIceEvent: PeerConnectionIceEvent,
  RTCPeerConnectionIceErrorEvent: PeerConnectionIceErrorEvent,
  RTCTrackEvent: TrackEvent,
  RTCDataChannelEvent: DataChannelEvent,
  RTCError: PeerError,
  RTCErrorEvent: PeerErrorEvent,
};

let installing: Promise<void> | undefined;

/**
 * Whether `install()` is needed and can work here: the webview has no `RTCPeerConnection` of its own, but what it
 * takes to build one. False where the webview has its own: then there is nothing to do.
 */
export function supported(): boolean {
  return (
    "__TAURI_INTERNALS__" in globalThis &&
    (typeof RTCPeerConnection === "undefined" || installing !== undefined) &&
    typeof VideoEncoder === "function" &&
    typeof AudioEncoder === "function" &&
    typeof AudioWorkletNode === "function"
  );
}

/**
 * Defines `RTCPeerConnection` and its companions on `window`, where they are absent. Calling it again, or where the
 * webview has its own, does nothing.
 *
 * @throws {Error} if the plugin or the media worker cannot be reached; a later call tries again.
 */
export function install(): Promise<void> {
  if (!installing && typeof RTCPeerConnection !== "undefined") return Promise.resolve();
  installing ??= startRuntime().then(
    () => {
      for (const [name, type] of Object.entries(CONSTRUCTORS)) {
        if (name in globalThis) continue;
        Object.defineProperty(type, "name", { value: name });
        Object.defineProperty(type.prototype, Symbol.toStringTag, { configurable: true, value: name });
        Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: type });
      }
    },
    (error) => {
      installing = undefined;
      throw error;
    },
  );
  return installing;
}

/**
 * The AudioContext through which remote audio is played and microphones are captured. An echo canceller belongs here:
 * both run on one clock.
 *
 * @throws {DOMException} InvalidStateError before `install()` has finished.
 */
export function audioContext(): AudioContext {
  return runtime().media.context;
}

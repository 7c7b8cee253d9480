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
import { sharesScreens } from "./link";
import { explainDisplays } from "./media/display";
import { Certificate } from "./surface/certificate";
import { DataChannel } from "./surface/channel";
import { PeerConnection } from "./surface/connection";
import { IceCandidate, SessionDescription } from "./surface/description";
import { DtmfSender } from "./surface/dtmf";
import {
  DataChannelEvent,
  PeerConnectionIceErrorEvent,
  PeerConnectionIceEvent,
  PeerError,
  PeerErrorEvent,
  ToneChangeEvent,
  TrackEvent,
} from "./surface/events";
import { expose } from "./surface/idl";
import { runtime, startRuntime } from "./surface/runtime";
import { StatsReport } from "./surface/stats";
import { Receiver, Sender, Transceiver } from "./surface/transceiver";
import { ScriptTransform } from "./surface/transform";
import { EncodedAudioFrame, EncodedVideoFrame } from "./surface/transform-frame";
import { wrapWorkers } from "./surface/transform-workers";
import { DtlsTransport, IceTransport, SctpTransport } from "./surface/transports";

// biome-ignore lint/suspicious/noExplicitAny: any class will do.
type Interface = abstract new (...args: any) => unknown;

/** The interfaces by name, with the `length` of their constructors and of methods, where it is not 0. */
const INTERFACES: Record<string, [Interface, number?, Record<string, number>?]> = {
  RTCPeerConnection: [
    PeerConnection,
    0,
    {
      generateCertificate: 1,
      createOffer: 0,
      createAnswer: 0,
      setLocalDescription: 0,
      setRemoteDescription: 1,
      addIceCandidate: 0,
      setConfiguration: 0,
      getStats: 0,
    },
  ],
  RTCSessionDescription: [SessionDescription, 1],
  RTCIceCandidate: [IceCandidate],
  RTCCertificate: [Certificate],
  RTCIceTransport: [IceTransport],
  RTCDtlsTransport: [DtlsTransport],
  RTCSctpTransport: [SctpTransport],
  RTCRtpSender: [Sender],
  RTCRtpReceiver: [Receiver],
  RTCRtpTransceiver: [Transceiver],
  RTCDTMFSender: [DtmfSender],
  RTCDataChannel: [DataChannel],
  RTCStatsReport: [StatsReport, 0, { forEach: 1, entries: 0 }],
  RTCPeerConnectionIceEvent: [PeerConnectionIceEvent, 1],
  RTCPeerConnectionIceErrorEvent: [PeerConnectionIceErrorEvent, 2],
  RTCTrackEvent: [TrackEvent, 2],
  RTCDataChannelEvent: [DataChannelEvent, 2],
  RTCDTMFToneChangeEvent: [ToneChangeEvent, 1],
  RTCError: [PeerError, 1],
  RTCErrorEvent: [PeerErrorEvent, 2],
  RTCRtpScriptTransform: [ScriptTransform, 1],
  RTCEncodedVideoFrame: [EncodedVideoFrame, 1],
  RTCEncodedAudioFrame: [EncodedAudioFrame, 1],
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
      const installed: Record<string, Interface> = {};
      for (const [name, [type, length, lengths]] of Object.entries(INTERFACES)) {
        if (name in globalThis) continue;
        expose(type, name, length, lengths);
        Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: type });
        installed[name] = type;
      }
      wrapWorkers();
      explainDisplays(sharesScreens);
      // What frames of this origin take over (../../src/frames.js).
      Object.defineProperty(globalThis, Symbol.for("tauri-plugin-peer-connection"), { value: installed });
    },
    (error) => {
      installing = undefined;
      throw error;
    },
  );
  return installing;
}

/**
 * The AudioContext through which remote audio is played and microphones are captured. It sleeps while there is neither.
 *
 * @throws {DOMException} InvalidStateError before `install()` has finished.
 */
export function audioContext(): AudioContext {
  return runtime().media.context;
}

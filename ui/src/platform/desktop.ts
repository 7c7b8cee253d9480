/** The host of the app: the Tauri shell around this page. */
import { Channel, invoke } from "@tauri-apps/api/core";
import { type Parsed, parseLink, type RoomLink } from "../core/link";
import type { Host } from "../core/ports";
import type { BootInfo } from "../generated/BootInfo";
import type { HintKind } from "../generated/HintKind";
import type { ShellEvent } from "../generated/ShellEvent";
import { DesktopSignaling } from "./desktop-signaling";
import { LocalStorage } from "./storage";
import { webVault } from "./vault";

const OWN_PEER_CONNECTION = typeof RTCPeerConnection !== "undefined";

/** Resolves when the shell listens. */
export async function desktopHost(onTrace: Host["trace"]): Promise<Host> {
  const signaling = new DesktopSignaling();
  const links = new Set<(link: Parsed<RoomLink>, joinAtOnce: boolean) => void>();
  const closers = new Set<() => void>();
  const networkers = new Set<() => void>();
  const channel = new Channel<ShellEvent>();
  channel.onmessage = (event) => {
    switch (event.type) {
      case "session":
        return signaling.heard(event.sessionId, event.event);
      case "link": {
        const link = parseLink(event.url, null);
        for (const listener of links) listener(link, event.joinAtOnce);
        return;
      }
      case "network":
        for (const listener of networkers) listener();
        return;
      case "closing":
        for (const listener of closers) listener();
        // The others must hear of it before the window goes.
        void signaling.idle().then(() => tell("closed"));
    }
  };
  const [boot] = await Promise.all([invoke<BootInfo>("boot"), invoke("listen", { channel })]);
  passHints();
  let peerConnection: Promise<void> | null = null;
  return {
    kind: "desktop",
    version: boot.version,
    signaling,
    vault: webVault(),
    storage: new LocalStorage(),
    defaultServer: boot.defaultServer,
    firstLink: boot.firstLink === null ? null : parseLink(boot.firstLink, boot.defaultServer),
    joinAtOnce: boot.joinAtOnce,
    testMode: boot.testMode,
    onLink: (listener) => subscribe(links, listener),
    copyText: (text) => invoke("copy_text", { text }),
    saveReport: (text) => invoke("save_report", { text }),
    clockAhead: (server) => invoke("clock_ahead", { server }),
    ensurePeerConnection: () => {
      peerConnection ??= installPeerConnection();
      return peerConnection;
    },
    echoLeaves: OWN_PEER_CONNECTION ? "track" : "connection",
    trace: (joinId, point, name, at) => {
      onTrace(joinId, point, name, at);
      tell("trace", { joinId, point, name, at });
    },
    onNetworkChange: (listener) => subscribe(networkers, listener),
    onClose: (listener) => subscribe(closers, listener),
    setTitle(title) {
      document.title = title;
    },
    showLink() {},
  };
}

/** Linux webviews have none; the plugin's page side is loaded only there. It takes echo out of what it sends. */
async function installPeerConnection(): Promise<void> {
  if (OWN_PEER_CONNECTION) return;
  const { install } = await import("tauri-plugin-peer-connection-api");
  await install();
}

/** A session that waits to reconnect hears that waiting may be over. Of the network the shell hears more by itself. */
function passHints(): void {
  const hint = (kind: HintKind) => tell("hint", { kind });
  window.addEventListener("online", () => hint("online"));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") hint("visible");
  });
}

/** A command whose answer nobody waits for. */
function tell(command: string, args?: Record<string, unknown>): void {
  invoke(command, args).catch((error: unknown) => console.error(`the shell refused ${command}`, error));
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

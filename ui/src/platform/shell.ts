/** What the page and the Tauri shell say to each other. */
import type { SessionEvent } from "../generated/SessionEvent";

export interface BootInfo {
  readonly version: string;
  readonly platform: "linux" | "macos" | "windows";
  readonly defaultServer: string | null;
  readonly firstLink: string | null;
  readonly joinAtOnce: boolean;
  /** The webview has an `RTCPeerConnection` of its own. */
  readonly nativePeerConnection: boolean;
  readonly testMode?: boolean;
}

export type ShellEvent =
  | { readonly type: "session"; readonly sessionId: number; readonly event: SessionEvent }
  | { readonly type: "link"; readonly url: string; readonly joinAtOnce: boolean }
  | { readonly type: "closing" };

export type Hint = "online" | "visible" | "woken";

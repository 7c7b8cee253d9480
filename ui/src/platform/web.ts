/** The host of a guest: a page that `snug-server` serves at `/` and `/r/ROOM`. */
import { formatOwnLink, type Parsed, parseLink, type RoomLink } from "../core/link";
import type { Host, Signaling } from "../core/ports";
import { LocalStorage } from "./storage";
import { webVault } from "./vault";

export interface WebHostParts {
  readonly signaling: Signaling;
  readonly onTrace: Host["trace"];
}

export function webHost({ signaling, onTrace }: WebHostParts): Host {
  const server = window.location.origin;
  return {
    kind: "web",
    version: __SNUG_VERSION__,
    signaling,
    vault: webVault(),
    storage: new LocalStorage(),
    defaultServer: server,
    firstLink: addressLink(),
    joinAtOnce: false,
    testMode: new URLSearchParams(window.location.search).get("test") === "1",
    onLink(listener) {
      // The person edits the address or goes back in history.
      const heard = () => {
        const link = addressLink();
        if (link !== null) listener(link, false);
      };
      window.addEventListener("hashchange", heard);
      window.addEventListener("popstate", heard);
      return () => {
        window.removeEventListener("hashchange", heard);
        window.removeEventListener("popstate", heard);
      };
    },
    copyText: (text) => navigator.clipboard.writeText(text),
    saveReport: async (text) => download("snug-report.json", text),
    clockAhead: (asked, signal) => (asked === server ? compareClocks(signal) : Promise.resolve(null)),
    ensurePeerConnection: async () => {
      if (typeof RTCPeerConnection === "undefined") throw new Error("this browser has no RTCPeerConnection");
    },
    echoLeaves: "track",
    trace: onTrace,
    onNetworkChange: (listener) => watchNetwork(listener),
    onClose(listener) {
      // The last event that is sure to come, also where a phone throws the page away.
      window.addEventListener("pagehide", listener);
      return () => window.removeEventListener("pagehide", listener);
    },
    setTitle(title) {
      document.title = title;
    },
    showLink(link) {
      // Rooms on other servers have no page here.
      const path = link === null || link.server !== server ? "/" : formatOwnLink(link).slice(server.length);
      const [before = "", fragment] = path.split("#");
      const next = `${before}${window.location.search}${fragment === undefined ? "" : `#${fragment}`}`;
      window.history.replaceState(null, "", next);
    },
  };
}

/**
 * All that a page hears of its network: that it is back, and in some browsers that it is of another kind now. The
 * figures that browsers estimate change all the time and say nothing of the way.
 */
function watchNetwork(listener: () => void): () => void {
  const { connection } = navigator as { connection?: EventTarget & { type?: string } };
  let kind = connection?.type;
  const changed = () => {
    if (connection?.type === kind) return;
    kind = connection?.type;
    listener();
  };
  window.addEventListener("online", listener);
  connection?.addEventListener("change", changed);
  return () => {
    window.removeEventListener("online", listener);
    connection?.removeEventListener("change", changed);
  };
}

/** Resolves to the name, which is all that a page learns of it. */
function download(name: string, text: string): string {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
  return name;
}

/** A page may read the date of answers of its own server only. */
async function compareClocks(signal: AbortSignal): Promise<number | null> {
  try {
    const before = Date.now();
    const answer = await fetch("/healthz", { cache: "no-store", signal });
    const here = (before + Date.now()) / 2;
    const told = Date.parse(answer.headers.get("date") ?? "");
    // Whole seconds, cut off: half of one is the best guess.
    return Number.isNaN(told) ? null : here - (told + 500);
  } catch (error) {
    if (signal.aborted) throw error;
    console.info("the clocks cannot be compared", error);
    return null;
  }
}

/** Null at the front door. */
function addressLink(): Parsed<RoomLink> | null {
  const { pathname, href } = window.location;
  return pathname === "/" ? null : parseLink(href, null);
}

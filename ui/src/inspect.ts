/** What tests read of a running page: counters and totals, nothing that could be pressed and nothing secret. */
import type { MediaInsight } from "./media/web-rtc-media";
import type { Page } from "./run";

export interface PeerInsight {
  readonly key: string;
  readonly peerId: string;
  readonly name: string;
  readonly seat: string;
  readonly connectionState: string;
  readonly pcId: string;
  readonly framesDecoded: number;
  readonly framesEncoded: number;
  readonly audioEnergy: number;
  readonly audioLevel: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
}

export interface Insight {
  stats(): Promise<{ peers: PeerInsight[]; peerConnectionsMade: number; connection: string; screen: string }>;
  traces(): readonly Trace[];
}

export interface Trace {
  readonly joinId: string;
  readonly point: number;
  readonly name: string;
  readonly at: number;
}

declare global {
  interface Window {
    __snug?: Insight;
  }
}

export function offerInsight(page: Page, media: MediaInsight, traces: readonly Trace[]): void {
  const insight: Insight = {
    stats: async () => {
      const { screen } = page.state();
      const call = screen.at === "call" ? screen.call : null;
      const peers = await Promise.all(
        (call?.peers ?? []).flatMap((peer) => {
          const link = media.links().get(peer.key);
          if (link === undefined) return [];
          const { key, peerId, name, seat } = peer;
          return [link.read().then((stats) => ({ key, peerId, name, seat: seat.is, ...stats }))];
        }),
      );
      return {
        peers,
        peerConnectionsMade: media.peerConnectionsMade,
        connection: call?.connection.is ?? "none",
        screen: screen.at,
      };
    },
    traces: () => [...traces],
  };
  Object.defineProperty(window, "__snug", {
    value: Object.freeze(insight),
    configurable: false,
    writable: false,
  });
}

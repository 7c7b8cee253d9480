/** What one hands to somebody who can help: JSON, with nothing in it that only those in the call may know. */
import type { Facts } from "../doctor/facts";
import type { Finding } from "../doctor/finding";
import type { Timeline } from "./timeline";

export interface ReportParts {
  readonly host: "desktop" | "web";
  readonly version: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** The findings with their sentences, in the language of who hands it over. */
  readonly findings: readonly (Finding & { readonly says: string; readonly fix: string | null })[];
  readonly facts: Facts;
  readonly timeline: Timeline;
}

export function report({ host, version, now, findings, facts, timeline }: ReportParts): string {
  const { since, dropped, entries } = timeline;
  return JSON.stringify(
    {
      format: "snug-report/1",
      made: new Date(now).toISOString(),
      snug: { host, version },
      findings,
      facts,
      timeline: {
        began: new Date(since).toISOString(),
        dropped,
        entries: entries.map(({ at, way, what, peer, size, note }) => ({
          afterMs: at - since,
          way,
          what,
          ...(peer === null ? {} : { peer: `peer ${peer}` }),
          ...(size === null ? {} : { size }),
          ...(note === "" ? {} : { note }),
        })),
      },
    },
    null,
    1,
  );
}

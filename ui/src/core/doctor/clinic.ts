/** The doctor as the view sees it, and what can be pressed there. `examine.ts` is the one behind it. */
import type { Timeline } from "../timeline/timeline";
import type { Lang, Readable } from "../view-model";
import type { Exam } from "./exam";
import type { Finding } from "./finding";

export interface Clinic {
  readonly view: Readable<ClinicView>;
  /** Told only while somebody listens: it changes with every message. */
  readonly timeline: Readable<TimelineView>;
  /** Listens for echo until what it gives back is called: while somebody looks at the doctor in a call. */
  listen(): () => void;
  begin(): void;
  cancel(): void;
  /** False where it cannot be copied. */
  copyReport(lang: Lang): Promise<boolean>;
  /** Where it lies; null where it cannot be saved. */
  saveReport(lang: Lang): Promise<string | null>;
}

export interface ClinicView {
  readonly state: Exam["state"];
  readonly steps: Exam["steps"];
  readonly findings: readonly NamedFinding[];
}

export interface NamedFinding extends Finding {
  /** Of the one it is about; empty where it is about nobody, or nobody with a name. */
  readonly name: string;
}

export interface TimelineView {
  readonly timeline: Timeline;
  /** By their numbers. */
  readonly names: ReadonlyMap<number, string>;
}

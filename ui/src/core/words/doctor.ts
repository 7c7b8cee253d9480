import type { StepId } from "../doctor/exam";
import type { FindingCode } from "../doctor/finding";

/** All that the connection doctor says. */
export interface DoctorWords {
  readonly title: string;
  readonly intro: string;
  /** Before a call, where a tone is played. */
  readonly tone: string;
  readonly begin: string;
  readonly again: string;
  readonly cancel: string;
  readonly close: string;
  readonly running: string;
  readonly cancelled: string;
  /** `count` in digits. */
  readonly done: (problems: string) => string;
  readonly allWell: string;
  readonly steps: Readonly<Record<StepId, string>>;
  readonly stepStates: Readonly<Record<"waiting" | "running" | "done" | "failed", string>>;
  readonly severities: Readonly<Record<"broken" | "warning" | "unknown" | "fine", string>>;
  readonly fine: string;
  readonly somebody: string;
  readonly views: string;
  readonly check: string;
  readonly timeline: TimelineWords;
  readonly copy: string;
  readonly save: string;
  readonly copied: string;
  readonly copyFailed: string;
  readonly saved: (where: string) => string;
  readonly saveFailed: string;
  readonly reportHint: string;
  readonly findings: Readonly<Record<FindingCode, FindingWords>>;
}

export interface TimelineWords {
  readonly title: string;
  readonly empty: string;
  readonly hint: string;
  readonly earlier: (count: string) => string;
  readonly ways: Readonly<Record<"out" | "in" | "state", string>>;
  readonly peer: (number: string) => string;
  readonly size: (characters: string) => string;
}

export interface FindingWords {
  /** One sentence. `who` is a name; `value` a figure with its unit. */
  readonly says: (who: string, value: string) => string;
  /** What to do, in one sentence; absent where nothing is to be done. */
  readonly fix?: string;
}

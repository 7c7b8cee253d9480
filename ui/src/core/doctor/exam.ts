/**
 * An examination: one probe after another, each adding to the facts. It can be cancelled at any time and begun again; what
 * a probe of an earlier run finds counts no more.
 *
 * ```text
 *   idle --begin--> running --all probes ended--> done --begin--> running
 *                      +------cancel------> cancelled --begin--> running
 * ```
 */
import { type Facts, NOTHING_KNOWN } from "./facts";

export type StepId = "devices" | "server" | "network" | "relay" | "call";

export interface Step {
  readonly id: StepId;
  readonly state: "waiting" | "running" | "done" | "failed";
}

export interface Exam {
  readonly state: "idle" | "running" | "done" | "cancelled";
  /** Counts examinations, so that late answers are known. */
  readonly run: number;
  readonly steps: readonly Step[];
  readonly facts: Facts;
}

export type ExamEvent =
  | { readonly type: "begin"; readonly steps: readonly StepId[] }
  | { readonly type: "found"; readonly run: number; readonly step: StepId; readonly facts: Partial<Facts> }
  /** The probe itself broke, which says nothing of what it looked at. */
  | { readonly type: "failed"; readonly run: number; readonly step: StepId }
  | { readonly type: "cancel" };

export type ExamEffect =
  | { readonly do: "probe"; readonly run: number; readonly step: StepId }
  /** Whatever probes are under way end, and give back what they hold. */
  | { readonly do: "abort" };

/** In a call its links are looked at last, so that what is under way has had time to happen. */
export const BEFORE_A_CALL: readonly StepId[] = ["devices", "server", "network", "relay"];
export const IN_A_CALL: readonly StepId[] = [...BEFORE_A_CALL, "call"];

export const NO_EXAM: Exam = { state: "idle", run: 0, steps: [], facts: NOTHING_KNOWN };

export function updateExam(exam: Exam, event: ExamEvent): readonly [Exam, readonly ExamEffect[]] {
  switch (event.type) {
    case "begin": {
      const steps = event.steps.map((id): Step => ({ id, state: "waiting" }));
      const fresh: Exam = { state: "running", run: exam.run + 1, steps, facts: NOTHING_KNOWN };
      const [next, effects] = advance(fresh);
      return [next, exam.state === "running" ? [{ do: "abort" }, ...effects] : effects];
    }
    case "cancel":
      return exam.state === "running" ? [{ ...exam, state: "cancelled" }, [{ do: "abort" }]] : [exam, []];
    case "found":
    case "failed": {
      const late = exam.state !== "running" || event.run !== exam.run;
      if (late || !exam.steps.some(({ id, state }) => id === event.step && state === "running"))
        return [exam, []];
      const state = event.type === "found" ? "done" : "failed";
      const steps = exam.steps.map((step) => (step.id === event.step ? { ...step, state } : step) as Step);
      const facts = event.type === "found" ? { ...exam.facts, ...event.facts } : exam.facts;
      return advance({ ...exam, steps, facts });
    }
  }
}

function advance(exam: Exam): readonly [Exam, readonly ExamEffect[]] {
  const next = exam.steps.find(({ state }) => state === "waiting");
  if (next === undefined) return [{ ...exam, state: "done" }, []];
  const steps = exam.steps.map((step) => (step === next ? { ...step, state: "running" as const } : step));
  return [{ ...exam, steps }, [{ do: "probe", run: exam.run, step: next.id }]];
}

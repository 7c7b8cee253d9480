import { expect, it } from "vitest";
import { BEFORE_A_CALL, type Exam, type ExamEvent, NO_EXAM, updateExam } from "./exam";

function play(...events: ExamEvent[]): { exam: Exam; did: string[] } {
  let exam = NO_EXAM;
  const did: string[] = [];
  for (const event of events) {
    const [next, effects] = updateExam(exam, event);
    exam = next;
    did.push(
      ...effects.map((effect) => (effect.do === "probe" ? `${effect.run} ${effect.step}` : effect.do)),
    );
  }
  return { exam, did };
}

const begin: ExamEvent = { type: "begin", steps: ["devices", "server"] };

it("probes one thing after another, and gathers the facts", () => {
  const { exam, did } = play(
    begin,
    { type: "found", run: 1, step: "devices", facts: { speakers: 2 } },
    { type: "found", run: 1, step: "server", facts: { clockAheadMs: 7 } },
  );
  expect(did).toEqual(["1 devices", "1 server"]);
  expect(exam).toMatchObject({ state: "done", facts: { speakers: 2, clockAheadMs: 7, camera: null } });
});

it("goes on when a probe breaks", () => {
  const { exam, did } = play(begin, { type: "failed", run: 1, step: "devices" });
  expect(did).toEqual(["1 devices", "1 server"]);
  expect(exam.steps.map(({ state }) => state)).toEqual(["failed", "running"]);
});

it("can be cancelled, and hears no more of it", () => {
  const late: ExamEvent = { type: "found", run: 1, step: "devices", facts: { speakers: 2 } };
  const { exam, did } = play(begin, { type: "cancel" }, late, { type: "cancel" });
  expect(did).toEqual(["1 devices", "abort"]);
  expect(exam).toMatchObject({ state: "cancelled", facts: { speakers: null } });
});

it("can be begun again, also in the middle", () => {
  const { exam, did } = play(begin, begin, {
    type: "found",
    run: 1,
    step: "devices",
    facts: { speakers: 2 },
  });
  expect(did).toEqual(["1 devices", "abort", "2 devices"]);
  expect(exam).toMatchObject({ run: 2, facts: { speakers: null } });
});

it("is over at once where there is nothing to look at", () => {
  expect(play({ type: "begin", steps: [] }).exam.state).toBe("done");
  expect(BEFORE_A_CALL).not.toContain("call");
});

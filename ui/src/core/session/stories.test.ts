import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import type { ClientMessage } from "../../generated/ClientMessage";
import { type Config, configFor } from "./config";
import { type Counts, deadline, type Effect, type Hint, type Input, start, update } from "./session";

/** Plays every story of `tests/scenarios/session`. crates/session plays the same ones (`tests/stories.rs`). */

interface Story {
  about: string;
  config?: Partial<Pick<Config, "outboxMessages" | "outboxBytes" | "frameBytes" | "slowestLine">>;
  steps: {
    at: number;
    do: unknown;
    then: unknown[];
    deadline?: [string, number] | null;
    counts?: Partial<Counts>;
  }[];
}

const folder = join(import.meta.dirname, "../../../../tests/scenarios/session");
const names: Record<string, unknown> = load("let.json").let;
const stories = readdirSync(folder).filter((file) => file.endsWith(".json") && file !== "let.json");

test("the stories are there", () => {
  expect(stories.length).toBeGreaterThanOrEqual(30);
});

test.each(stories)("%s is played as written", (file) => {
  const story: Story = load(file);
  let state = start({ ...configFor(names.join as Config["join"], 1), ...story.config }, 0);
  for (const [at, step] of story.steps.entries()) {
    const place = `${basename(file)}, step ${at}: ${JSON.stringify(step.do)}`;
    const before = structuredClone(state);
    const [next, effects] = update(state, step.at, inputOf(expand(step.do)));
    expect(state, `${place}: the old state is left as it was`).toEqual(before);
    state = next;
    expect(effects.map(said), place).toEqual(expand(step.then));
    if (step.deadline !== undefined) {
      const due = deadline(state);
      expect(due && [due.why, due.at], place).toEqual(step.deadline);
    }
    expect(state.counts, place).toMatchObject(step.counts ?? {});
  }
});

function inputOf(step: unknown): Input {
  if (step === "tick" || step === "leave") return { type: step };
  const [[kind, value] = []] = Object.entries(step as Record<string, unknown>);
  const [attempt, detail, more] = Array.isArray(value) ? value : [value, null, null];
  switch (kind) {
    case "opened":
      return { type: "opened", attempt };
    case "text":
      return { type: "text", attempt, text: typeof detail === "string" ? detail : JSON.stringify(detail) };
    case "closed":
      return { type: "closed", attempt, code: detail };
    case "failed":
      return { type: "failed", attempt, answered: detail, retryAfter: more };
    case "send":
      return { type: "send", message: value as ClientMessage };
    case "hint":
      return { type: "hint", hint: value as Hint };
    default:
      throw new Error(`no such input: ${JSON.stringify(step)}`);
  }
}

function said(effect: Effect): object {
  switch (effect.type) {
    case "open":
      return { open: effect.attempt };
    case "finish":
      return { finish: effect.attempt };
    case "close":
      return { close: effect.attempt };
    case "transmit":
      return { transmit: JSON.parse(effect.text) };
    case "event":
      return { event: effect.event };
  }
}

/** `"$name"` stands for a value of `let.json`, and `{"...": "$name"}` spreads it. */
function expand(value: unknown): unknown {
  if (typeof value === "string" && value.startsWith("$")) return names[value.slice(1)];
  if (Array.isArray(value)) return value.map(expand);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, field]): [string, unknown][] =>
      key === "..." ? Object.entries(expand(field) as object) : [[key, expand(field)]],
    ),
  );
}

function load(file: string) {
  return JSON.parse(readFileSync(join(folder, file), "utf8"));
}

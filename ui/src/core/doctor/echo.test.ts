import { describe, expect, it } from "vitest";
import { diagnose } from "./diagnose";
import { Ear, type Heard } from "./ear";
import { judge, latest, settled } from "./echo";
import { NOTHING_KNOWN } from "./facts";
import type { EchoHeard } from "./likeness";
import { type EchoPath, echoOf, type Loudness, listen, STEP_MS, together, voice } from "./voices";

const SECONDS = 24;
const HISS = 0.0006;
const SILENCE: Loudness = new Float64Array((SECONDS * 1000) / STEP_MS);
const ANN = voice(1, SECONDS);
const BEN = voice(2, SECONDS);
const quiet = together(HISS, 3, SILENCE);

interface Room {
  own: Loudness | null;
  ann?: Loudness;
  ben?: Loudness;
  how?: { lateMs?: number; counted?: boolean };
}

function hear({ own, ann, ben, how = {} }: Room): Heard {
  const ear = new Ear();
  const others = Object.entries({ ann, ben }).flatMap(([key, sound]) =>
    sound ? [[key, sound] as const] : [],
  );
  listen(ear, own, new Map(others), how);
  return ear.heard();
}

const ofOwn = ({ own }: Heard) => own && judge(own);
const ofOthers = ({ others }: Heard) =>
  Object.fromEntries([...others].map(([key, heard]) => [key, judge(heard)]));

describe("a microphone that hears the speaker", () => {
  it.each<EchoPath>([
    { delayMs: 0, gain: 0.3 },
    { delayMs: 70, gain: 0.5 },
    { delayMs: 200, gain: 0.1 },
    { delayMs: 200, gain: 0.1, reverbMs: 600 },
    { delayMs: 300, gain: 0.2, steady: 0 },
    { delayMs: 400, gain: 0.03 },
    { delayMs: 600, gain: 0.3, reverbMs: 0 },
  ])("is named, and how late it is: %o", (path) => {
    const { own } = hear({ own: together(HISS, 3, echoOf(ANN, path)), ann: ANN });
    expect(own && judge(own)).toBe("echo");
    expect(Math.abs((own?.delayMs ?? 0) - path.delayMs)).toBeLessThanOrEqual(60);
  });

  it("is named where one talks oneself at times, too", () => {
    const talk = voice(9, SECONDS, { talks: 0.3 });
    const own = together(HISS, 3, talk, echoOf(ANN, { delayMs: 150, gain: 0.2 }));
    expect(ofOwn(hear({ own, ann: ANN }))).toBe("echo");
  });

  it("is named in a hall of several voices, and nobody else is", () => {
    const [ann, ben] = [voice(4, SECONDS, { talks: 0.4 }), voice(5, SECONDS, { talks: 0.4 })];
    const own = together(HISS, 3, echoOf(together(0, 1, ann, ben), { delayMs: 120, gain: 0.2 }));
    const heard = hear({ own, ann, ben });
    expect(ofOwn(heard)).toBe("echo");
    expect(Object.values(ofOthers(heard))).not.toContain("echo");
  });

  it("is named where the page has counters only", () => {
    const own = together(HISS, 3, echoOf(ANN, { delayMs: 200, gain: 0.1 }));
    expect(ofOwn(hear({ own, ann: ANN, how: { counted: true } }))).toBe("echo");
  });

  it("is named when the page's timer is late", () => {
    const own = together(HISS, 3, echoOf(ANN, { delayMs: 200, gain: 0.2 }));
    expect(ofOwn(hear({ own, ann: ANN, how: { lateMs: 150 } }))).toBe("echo");
  });
});

describe("a microphone that hears no speaker", () => {
  it("is told as such when the others have talked enough, and not before", () => {
    expect(ofOwn(hear({ own: quiet, ann: ANN }))).toBe("none");
    expect(ofOwn(hear({ own: quiet, ann: ANN.slice(0, 700) }))).toBe("unknown");
    expect(ofOwn(hear({ own: quiet, ann: SILENCE }))).toBe("unknown");
  });

  it("is not judged while one talks over the others", () => {
    const own = together(HISS, 3, voice(7, SECONDS, { talks: 0.95 }));
    expect(ofOwn(hear({ own, ann: ANN }))).toBe("unknown");
  });

  it("is not judged by a tone, by a level that stands still, or by sounds that repeat", () => {
    const beep = (late: number) => SILENCE.map((_, i) => ((i + late) % 50 < 20 ? 0.3 : 0));
    expect(ofOwn(hear({ own: together(HISS, 3, beep(20)), ann: beep(0) }))).toBe("unknown");
    expect(ofOwn(hear({ own: quiet, ann: SILENCE.map(() => 0.2) }))).toBe("unknown");
  });

  it("is nothing to speak of when it is off, or when nobody else is there", () => {
    expect(hear({ own: null, ann: ANN }).own).toBeNull();
    expect(hear({ own: quiet }).own).toBeNull();
  });
});

describe("one of the others whose microphone hears our voice", () => {
  it.each<EchoPath>([
    { delayMs: 120, gain: 0.3 },
    { delayMs: 500, gain: 0.1 },
    { delayMs: 1_200, gain: 0.1, reverbMs: 500 },
  ])("is named, and only that one: %o", (path) => {
    const own = together(HISS, 3, ANN);
    const heard = hear({ own, ann: together(1e-4, 5, echoOf(ANN, path)), ben: BEN });
    expect(ofOthers(heard)).toMatchObject({ ann: "echo" });
    expect(ofOthers(heard).ben).not.toBe("echo");
    expect(ofOwn(heard)).not.toBe("echo");
  });

  it("is named where ours hears theirs as well", () => {
    const turn = (sound: Loudness, mine: number) =>
      sound.map((level, i) => (Math.floor((i * STEP_MS) / 6_000) % 2 === mine ? level : 0));
    const [us, them] = [turn(voice(11, 40), 0), turn(voice(12, 40), 1)];
    const own = together(HISS, 3, us, echoOf(them, { delayMs: 100, gain: 0.3 }));
    const heard = hear({ own, ann: together(1e-4, 5, them, echoOf(us, { delayMs: 400, gain: 0.3 })) });
    expect([ofOwn(heard), ofOthers(heard).ann]).toEqual(["echo", "echo"]);
  });

  it("is not found by a microphone that is off", () => {
    expect(ofOthers(hear({ own: null, ann: ANN })).ann).toBe("unknown");
  });
});

it.each([false, true])(
  "calls nothing an echo in hundreds of calls of people who talk at the same time (counted: %s)",
  { timeout: 120_000 },
  (counted) => {
    let alarms = 0;
    for (let seed = 1; seed <= 120; seed += 1) {
      const talks = [0.4, 0.75, 0.95][seed % 3] ?? 1;
      const ear = new Ear();
      let from = 0;
      for (let part = 0; part < 3; part += 1) {
        const someone = (which: number) => voice(seed * 31 + part * 7 + which * 100_003, 12, { talks });
        const others = new Map([
          ["ann", someone(1)],
          ["ben", someone(2)],
        ]);
        const own = together(HISS, seed, someone(0));
        from = listen(ear, own, others, { seed: seed + part, from, counted });
        const heard = ear.heard();
        alarms += [heard.own, ...heard.others.values()].filter((one) => one && judge(one) === "echo").length;
      }
    }
    expect(alarms).toBeLessThanOrEqual(1);
  },
);

it("forgets what was before a page slept", () => {
  const ear = new Ear();
  const own = together(HISS, 3, echoOf(ANN, { delayMs: 200, gain: 0.2 }));
  const end = listen(ear, own, new Map([["ann", ANN]]));
  expect(ofOwn(ear.heard())).toBe("echo");
  listen(ear, quiet.slice(0, 100), new Map([["ann", ANN.slice(0, 100)]]), { from: end + 60_000 });
  expect(ear.heard().own?.comparedMs).toBe(0);
});

describe("what is said of it", () => {
  const nothing: EchoHeard = { comparedMs: 0, quietMs: 0, likeness: 0, chance: 0, delayMs: 0 };
  const echo: EchoHeard = { comparedMs: 20_000, quietMs: 0, likeness: 0.9, chance: 0.3, delayMs: 200 };
  const none: EchoHeard = { comparedMs: 20_000, quietMs: 20_000, likeness: 0.1, chance: 0.3, delayMs: 0 };
  const says = (own: EchoHeard | null, ...others: EchoHeard[]) => {
    const voices = { own, others: others.map((heard, peer) => ({ peer, heard })) };
    return diagnose({ ...NOTHING_KNOWN, voices }).map(({ code, severity, peer }) => [severity, code, peer]);
  };

  it("is one finding of our own, and one of each who returns our voice", () => {
    expect(says(echo, none, echo)).toEqual([
      ["warning", "echo", null],
      ["warning", "echo-returned", 1],
    ]);
    expect(says(none, nothing)).toEqual([["fine", "no-echo", null]]);
    expect(says(nothing)).toEqual([["unknown", "echo-unknown", null]]);
    expect(says(null)).toEqual([]);
  });

  it("stays when it becomes silent, and goes when the echo does", () => {
    expect(latest(echo, nothing)).toBe(echo);
    expect(latest(echo, none)).toBe(none);
    expect(latest(null, nothing)).toBe(nothing);
  });

  it("is nothing unasked, where nothing is known", () => {
    expect(settled({ own: nothing, others: [] }).own).toBeNull();
    expect(settled({ own: echo, others: [] }).own).toBe(echo);
  });
});

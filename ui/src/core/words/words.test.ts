import { describe, expect, it } from "vitest";
import type { DeviceProblem, HomeProblem, TroubleCode } from "../view-model";
import { ago, clock, langFrom, languages, length, nameList } from "./index";

const troubles = Object.keys({
  unreachable: 0,
  full: 0,
  locked: 0,
  denied: 0,
  kicked: 0,
  ended: 0,
  "taken-over": 0,
  unauthorized: 0,
  "token-expired": 0,
  version: 0,
  flooding: 0,
  "bad-join": 0,
  "no-peer-connection": 0,
  "no-cryptography": 0,
} satisfies Record<TroubleCode, 0>) as TroubleCode[];
const problems = Object.keys({
  denied: 0,
  missing: 0,
  busy: 0,
  insecure: 0,
  unknown: 0,
} satisfies Record<DeviceProblem, 0>) as DeviceProblem[];
const homeProblems = Object.keys({
  "bad-link": 0,
  "bad-server": 0,
  "no-server": 0,
} satisfies Record<HomeProblem, 0>) as HomeProblem[];

/** Every sentence with its path, functions called with something plain. */
function sentences(words: unknown, path = ""): [string, string][] {
  if (typeof words === "string") return [[path, words]];
  if (typeof words === "function") return [[path, String(words("7"))]];
  return Object.entries(words as object).flatMap(([key, value]) => sentences(value, `${path}.${key}`));
}

describe.each(Object.entries(languages))("words in %s", (lang, { words }) => {
  it("has a title, a reason and a button for every trouble", () => {
    for (const code of troubles) {
      const { title, body, button } = words.troubles[code];
      expect([title, body, button].every((text) => text.length > 1)).toBe(true);
    }
  });

  it("has a sentence for every device problem and every home problem", () => {
    for (const problem of problems) {
      expect(words.devices.camera[problem]).toBeTruthy();
      expect(words.devices.microphone[problem]).toBeTruthy();
    }
    for (const problem of homeProblems) expect(words.homeProblems[problem]).toBeTruthy();
  });

  it("says something everywhere, and the same things as English", () => {
    const own = sentences(words);
    expect(own.filter(([, text]) => text.trim() === "")).toEqual([]);
    expect(own.map(([path]) => path).sort()).toEqual(
      sentences(languages.en.words)
        .map(([path]) => path)
        .sort(),
    );
  });

  it("writes Chinese with Chinese punctuation", () => {
    if (lang !== "zh-CN") return;
    const halfWidth = sentences(words).filter(([, text]) =>
      /\p{Script=Han}[,?!;:]|[,?!;:]\p{Script=Han}/u.test(text),
    );
    expect(halfWidth).toEqual([]);
  });
});

describe("counted words", () => {
  const now = Date.UTC(2025, 0, 15, 12);

  it("says how long ago", () => {
    expect(ago("en", now - 5_000, now)).toBe("now");
    expect(ago("en", now - 2 * 3_600_000, now)).toBe("2 hours ago");
    expect(ago("en", now - 30 * 3_600_000, now)).toBe("yesterday");
    expect(ago("zh-CN", now - 2 * 3_600_000, now)).toBe("2 小时前");
    expect(ago("en", now + 60_000, now)).toBe("now");
  });

  it("says how long", () => {
    expect(length("en", 42)).toBe("42 seconds");
    expect(length("en", 3_900)).toBe("1 hour, 5 minutes");
    expect(length("zh-CN", 3_900)).toBe("1 小时 5 分钟");
    expect(clock(247)).toBe("4:07");
    expect(clock(3_753)).toBe("1:02:33");
  });

  it("joins names", () => {
    expect(nameList("en", ["Ada", "Bo", "Chen"])).toBe("Ada, Bo, and Chen");
    expect(nameList("zh-CN", ["Ada", "Bo"])).toBe("Ada、Bo");
  });

  it("picks the first language it speaks", () => {
    expect(langFrom(["fr-FR", "zh-Hans-SG", "en"])).toBe("zh-CN");
    expect(langFrom(["fr-FR"])).toBe("en");
  });
});

describe.each(Object.entries(languages))("the doctor in %s", (_, { words }) => {
  const findings = Object.entries(words.doctor.findings);

  it("says one sentence and one fix about all that is not fine", () => {
    for (const [, { says, fix }] of findings) {
      expect(says("Ada", "7 ms")).toMatch(/^[^.。]+[.。]$/);
      if (fix !== undefined) expect(fix).toMatch(/[.。]$/);
    }
    expect(findings.flatMap(([code, { fix }]) => (fix === undefined ? [code] : [])).sort()).toEqual([
      "camera-works",
      "clock-right",
      "link-good",
      "microphone-works",
      "nat-open",
      "nat-steady",
      "nat-symmetric",
      "no-echo",
      "path-good",
      "relay-works",
      "server-reached",
      "speaker-works",
      "udp-works",
    ]);
  });

  it("names the one it is about, and the figure", () => {
    expect(words.doctor.findings["ice-stuck"].says("Ada", "")).toContain("Ada");
    expect(words.doctor.findings["path-lossy"].says("", "3.5 %")).toContain("3.5 %");
  });
});

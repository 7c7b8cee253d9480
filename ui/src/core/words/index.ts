/** All that the application says, in every language it speaks. A missing or a surplus key is a type error. */
import type { CommandWord } from "../commands";
import type { Alarm } from "../seal/channel";
import type { Picture } from "../seal/code";
import type {
  DeviceProblem,
  HomeProblem,
  Lang,
  Notice,
  ShieldView,
  ThemeChoice,
  TroubleCode,
} from "../view-model";
import type { DoctorWords } from "./doctor";
import { en } from "./en";
import { zh } from "./zh";

export interface Words {
  readonly app: string;
  readonly home: {
    readonly headline: string;
    readonly field: string;
    readonly placeholder: string;
    readonly recent: string;
    readonly empty: string;
    readonly forget: (room: string) => string;
    readonly alone: string;
  };
  readonly settings: {
    readonly name: string;
    readonly namePlaceholder: string;
    readonly language: string;
    readonly theme: string;
    readonly themes: Readonly<Record<ThemeChoice, string>>;
    readonly sounds: string;
    readonly soundsHint: string;
    readonly onOff: { readonly on: string; readonly off: string };
    readonly server: string;
    readonly serverPlaceholder: string;
    readonly close: string;
  };
  readonly homeProblems: Readonly<Record<HomeProblem, string>>;
  readonly lobby: {
    readonly title: string;
    readonly preview: string;
    readonly cameraOff: string;
    readonly cameraStarting: string;
    readonly name: string;
    readonly camera: string;
    readonly microphone: string;
    readonly speaker: string;
    readonly level: string;
    readonly systemDefault: string;
    readonly unnamedDevice: (number: number) => string;
    readonly waiting: string;
    readonly without: string;
    readonly joining: string;
    readonly knocking: string;
    readonly sealed: string;
    readonly open: string;
  };
  readonly call: {
    readonly stage: string;
    readonly bar: string;
    readonly you: string;
    readonly guest: string;
    readonly alone: string;
    readonly aloneHint: string;
    readonly muted: string;
    readonly connecting: string;
    readonly reconnecting: string;
    readonly away: string;
    readonly failed: string;
    readonly noKey: string;
    readonly quality: Readonly<Record<"fair" | "poor", string>>;
    readonly reconnectingLine: string;
    readonly crowded: string;
    readonly door: string;
    readonly knocks: (name: string, more: number) => string;
    readonly duration: string;
    readonly moveSelf: string;
    readonly moveSelfHint: string;
    readonly microphoneMenu: string;
    readonly cameraMenu: string;
    readonly noChoices: string;
    readonly joined: (name: string) => string;
    readonly left: (name: string) => string;
  };
  readonly shield: {
    readonly states: Readonly<Record<ShieldView["is"], ShieldWords>>;
    readonly strangers: (count: number) => string;
    readonly alarms: Readonly<Record<Alarm, string>>;
    readonly code: string;
    readonly codeHow: string;
    readonly codeSoon: string;
    readonly pictures: Readonly<Record<Picture, string>>;
  };
  readonly after: {
    readonly title: string;
    readonly lasted: (length: string) => string;
    readonly with: (names: string) => string;
    readonly quality: Readonly<Record<"good" | "fair" | "poor", string>>;
  };
  readonly commands: Readonly<Record<CommandWord, string>>;
  readonly notices: Readonly<Record<Notice["word"], string>>;
  readonly devices: Readonly<Record<"camera" | "microphone", Readonly<Record<DeviceProblem, string>>>>;
  readonly troubles: Readonly<Record<TroubleCode, TroubleWords>>;
  readonly keys: { readonly title: string; readonly arrows: string };
  readonly doctor: DoctorWords;
}

export interface ShieldWords {
  /** In a few words, beside the shield. */
  readonly short: string;
  readonly title: string;
  readonly body: string;
}

export interface TroubleWords {
  readonly title: string;
  readonly body: string;
  readonly button: string;
}

export const languages: Readonly<Record<Lang, { readonly own: string; readonly words: Words }>> = {
  en: { own: "English", words: en },
  "zh-CN": { own: "简体中文", words: zh },
};

export function wordsFor(lang: Lang): Words {
  return languages[lang].words;
}

/** The first of the person's languages (BCP 47 tags, as in `navigator.languages`) that Snug speaks. */
export function langFrom(tags: readonly string[]): Lang {
  for (const tag of tags) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary === "zh") return "zh-CN";
    if (primary === "en") return "en";
  }
  return "en";
}

/** "Ada, Bo, and Chen", as the language joins a list. */
export function nameList(lang: Lang, names: readonly string[]): string {
  if (lang === "zh-CN") return names.join("\u3001");
  return new Intl.ListFormat(lang, { style: "long", type: "conjunction" }).format(names);
}

/** How long ago, in the largest unit that fits: "2 hours ago", "yesterday". Both times are epoch milliseconds. */
export function ago(lang: Lang, at: number, now: number): string {
  const format = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
  const seconds = Math.min(0, Math.round((at - now) / 1000));
  const steps: readonly [Intl.RelativeTimeFormatUnit, number][] = [
    ["year", 31_536_000],
    ["month", 2_592_000],
    ["week", 604_800],
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ];
  for (const [unit, length] of steps) {
    if (-seconds >= length) return airy(format.format(Math.trunc(seconds / length), unit));
  }
  return format.format(0, "second");
}

/** A length in words: "24 minutes", "1 hour, 5 minutes", "40 seconds". */
export function length(lang: Lang, seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const part = (value: number, unit: "hour" | "minute" | "second") =>
    airy(new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" }).format(value));
  if (whole < 60) return part(whole, "second");
  const hours = Math.floor(whole / 3_600);
  const minutes = Math.floor((whole % 3_600) / 60);
  const parts = [hours > 0 ? part(hours, "hour") : "", minutes > 0 ? part(minutes, "minute") : ""];
  return parts.filter((text) => text !== "").join(lang === "zh-CN" ? " " : ", ");
}

/** A running clock: "4:07", "1:02:33". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3_600);
  const minutes = Math.floor((whole % 3_600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A number between Chinese characters breathes: "2 小时前". Elsewhere it does already. */
function airy(text: string): string {
  return text.replace(/(\d)(?=\p{Script=Han})|(\p{Script=Han})(?=\d)/gu, "$& ");
}

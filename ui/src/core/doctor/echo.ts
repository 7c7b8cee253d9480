/** Whether somebody hears themselves, by what was heard in a call. Before one, a tone tells. */
import type { Facts, VoicesFact } from "./facts";
import { type Finding, found } from "./finding";
import type { EchoHeard } from "./likeness";

/** `unknown` until enough was heard. */
export type Verdict = "echo" | "none" | "unknown";

export function onVoices({ voices }: Facts): readonly Finding[] {
  if (voices === null) return [];
  const findings = voices.others
    .filter(({ heard }) => judge(heard) === "echo")
    .map(({ peer }) => found("echo-returned", "warning", "", peer));
  if (voices.own === null) return findings;
  switch (judge(voices.own)) {
    case "echo":
      return [found("echo", "warning"), ...findings];
    case "none":
      return [...findings, found("no-echo", "fine")];
    case "unknown":
      return [...findings, found("echo-unknown", "unknown")];
  }
}

export function judge({ comparedMs, quietMs, likeness, chance }: EchoHeard): Verdict {
  const alike = comparedMs >= LONG_MS ? ALIKE : PLAIN;
  if (comparedMs >= ENOUGH_MS && likeness >= alike && likeness - chance >= APART) return "echo";
  // While one talks oneself, an echo can hide behind it; and what is not far from one may become one.
  return quietMs >= ENOUGH_MS && likeness < UNLIKE ? "none" : "unknown";
}

/** What is known of it now: silence does not take away what was heard before it. */
export function latest(before: EchoHeard | null | undefined, now: EchoHeard): EchoHeard {
  return before && judge(now) === "unknown" && judge(before) !== "unknown" ? before : now;
}

/** What was heard so far without having been asked for: nothing is said of what is not known. */
export function settled(voices: VoicesFact): VoicesFact {
  const { own } = voices;
  return own !== null && judge(own) === "unknown" ? { ...voices, own: null } : voices;
}

/** Milliseconds of speech without which nothing is said. */
const ENOUGH_MS = 8_000;
/** With so many, an echo that is hard to hear is told from chance too. */
const LONG_MS = 14_000;
const PLAIN = 0.75;
const ALIKE = 0.65;
const UNLIKE = 0.45;
/** By so much an echo is more alike than anything is by chance. */
const APART = 0.25;

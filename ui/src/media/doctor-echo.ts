/** Measures loudness for the doctor's ear, while somebody looks. */

import { Ear, type Heard, TICK_MS } from "../core/doctor/ear";
import { latest } from "../core/doctor/echo";
import type { MediaInsight } from "./web-rtc-media";

/** `tell` is called once a second with all that is known, by the keys of links, until the signal is aborted. */
export function listenForEcho(media: MediaInsight, tell: (heard: Heard) => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  let ear = new Ear();
  let known: Heard = NOTHING;
  let { microphone } = media;
  const measure = setInterval(() => {
    if (media.microphone !== microphone) {
      // Another one stands elsewhere.
      microphone = media.microphone;
      ear = new Ear();
      known = NOTHING;
    }
    ear.hear({ at: performance.now(), own: media.loudness(), others: playing(media) });
  }, TICK_MS);
  const report = setInterval(() => {
    known = together(known, ear.heard(), media);
    tell(known);
  }, REPORT_MS);
  signal.addEventListener("abort", () => {
    clearInterval(measure);
    clearInterval(report);
  });
}

const REPORT_MS = 1_000;
const NOTHING: Heard = { own: null, others: new Map() };

function playing(media: MediaInsight): ReadonlyMap<string, number> {
  return new Map(
    [...media.links()].flatMap(([key, link]) => {
      const level = link.playing();
      return level === null ? [] : [[key, level] as const];
    }),
  );
}

function together(before: Heard, now: Heard, media: MediaInsight): Heard {
  const others = new Map([...before.others].filter(([key]) => media.links().has(key)));
  for (const [key, heard] of now.others) others.set(key, latest(others.get(key), heard));
  return { own: now.own === null ? before.own : latest(before.own, now.own), others };
}

/** Why one of those in the call cannot be heard or seen: the first thing that is missing, and only that. */
import type { Facts, LinkFact } from "./facts";
import { type Finding, found } from "./finding";

/** How long each thing may take before it counts as missing, in milliseconds. */
export const PATIENCE = 5_000;

export function onLinks({ links }: Facts): readonly Finding[] {
  if (links === null) return [];
  // When our own line is down, nothing is to be learnt about the others'.
  if (links.length > 0 && links.every(({ signalingUp, state }) => !signalingUp && state !== "connected")) {
    return [found("line-down", "broken")];
  }
  return links.map(onLink);
}

function onLink(link: LinkFact): Finding {
  const say = (code: Finding["code"], severity: Finding["severity"]) => found(code, severity, "", link.peer);
  if (link.state === "connected") {
    const silent = link.shouldSend && link.packets === 0 && link.stateForMs >= PATIENCE;
    return silent ? say("media-missing", "broken") : say("link-good", "fine");
  }
  if (link.wasConnected) return say("media-lost", "broken");
  // Each of these waits for the one before it.
  if (link.answersHeard === 0) {
    const waits = link.unansweredForMs;
    if (link.leftAlone || (waits !== null && waits >= PATIENCE)) return say("offer-unanswered", "broken");
    if (waits !== null) return say("link-waiting", "unknown");
  }
  if (link.answersSent > 0 && link.offersRepeated > 0) return say("answer-lost", "broken");
  if (link.stateForMs < PATIENCE) return say("link-waiting", "unknown");
  if (link.answersHeard + link.answersSent === 0) return say("offer-unanswered", "broken");
  if (link.candidatesHeard === 0) return say("candidates-missing", "broken");
  return say("ice-stuck", "broken");
}

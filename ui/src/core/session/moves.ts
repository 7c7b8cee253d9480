import type { AwayReason } from "../../generated/AwayReason";
import type { ClientFrame } from "../../generated/ClientFrame";
import type { EndReason } from "../../generated/EndReason";
import { wait } from "./backoff";
import { doubt, heard, isAsked, type Patience, pinged, talked } from "./heartbeat";
import { failed, oldestBytes, open, unsent } from "./outbox";
import { type Claim, emit, enter, type State, type Step, socketOf } from "./state";

export function connect(step: Step): void {
  const { phase, config, sockets } = step.state;
  if (phase.at !== "waiting") return;
  const attempt = sockets + 1;
  step.state = { ...step.state, sockets: attempt, openedAt: step.now };
  const { nth, claim } = phase;
  enter(step, { at: "connecting", attempt, nth, until: step.now + config.connectTimeout, claim });
  emit(step, { type: "connecting", attempt: nth });
  step.effects.push({ type: "open", attempt });
}

/** From any phase with a socket to `waiting`. */
export function fall(step: Step, reason: AwayReason, retryAfter: number | null): void {
  const { phase, openedAt, config } = step.state;
  let nth: number;
  let claim: Claim | null;
  switch (phase.at) {
    case "connecting":
    case "joining":
      nth = phase.nth + 1;
      claim = phase.claim;
      break;
    case "knocking":
    case "seated":
      nth = 1;
      claim = phase.claim;
      break;
    case "waiting":
    case "leaving":
    case "ended":
      return;
  }
  const { now } = step;
  const spaced = Math.max(now, openedAt === null ? now : openedAt + config.minWait);
  let earliest = spaced;
  let until = spaced;
  // Draining is answered at once only the first time: a whole fleet that drains must not be asked in a circle.
  if (reason !== "draining" || nth > 1 || retryAfter !== null) {
    const budget = claim === null ? config.first : config.reconnect;
    const [dice, waited] = wait(budget, claim === null ? nth - 1 : nth, step.state.dice);
    step.state = { ...step.state, dice };
    // A server that asks for patience gets it, and more when it has to ask again.
    earliest = Math.max(spaced, now + (retryAfter ?? config.minWait));
    until = Math.max(earliest, now + waited);
  }
  enter(step, { at: "waiting", nth, earliest, until, claim });
  step.effects.push({ type: "close", attempt: phase.attempt });
  emit(step, { type: "away", attempt: nth, retryInMs: until - now, reason });
}

/** The end: every open fate is settled, the socket closed, and nothing comes after. */
export function end(step: Step, reason: EndReason): void {
  const { phase, outbox } = step.state;
  if (phase.at === "ended") return;
  const attempt = socketOf(phase);
  if (attempt !== null) step.effects.push({ type: "close", attempt });
  enter(step, { at: "ended" });
  step.state = { ...step.state, outbox: { ...outbox, entries: [] } };
  for (const id of open(outbox)) {
    emit(step, { type: "settled", id, outcome: failed("unavailable", "the session ended first") });
  }
  emit(step, { type: "ended", reason });
}

export function flush(step: Step): void {
  const [outbox, frames] = unsent(step.state.outbox);
  step.state = { ...step.state, outbox };
  for (const frame of frames) {
    const { phase } = step.state;
    if (phase.at === "seated") enter(step, { ...phase, heartbeat: talked(phase.heartbeat, step.now) });
    transmit(step, frame);
  }
}

/** Whatever arrives is a sign of life. */
export function hear(step: Step): void {
  const { phase, outbox } = step.state;
  if (phase.at !== "seated" && phase.at !== "knocking") return;
  enter(step, { ...phase, heartbeat: heard(phase.heartbeat, step.now, oldestBytes(outbox) !== null) });
}

/** Silence while an answer is owed: what was sent may never have arrived, and a ping asks. */
export function disbelieve(step: Step): void {
  const { phase } = step.state;
  if (phase.at !== "seated" && phase.at !== "knocking") return;
  const heartbeat = doubt(phase.heartbeat, step.now, patience(step.state));
  enter(step, { ...phase, heartbeat });
  if (!isAsked(heartbeat)) ping(step);
}

export function patience({ config, phase, outbox, silences }: State): Patience {
  const patient = 2 ** Math.min(silences, 16);
  const bytes = phase.at === "seated" ? (oldestBytes(outbox) ?? 0) : 0;
  return {
    doubt: Math.min(config.doubtAfter * patient, config.pongTimeout),
    probe: Math.min(config.probeTimeout * patient, config.pongTimeout),
    pong: config.pongTimeout,
    draining: Math.floor((bytes * 1_000) / config.slowestLine),
  };
}

export function ping(step: Step): void {
  const { phase } = step.state;
  if (phase.at !== "seated" && phase.at !== "knocking") return;
  enter(step, { ...phase, heartbeat: pinged(phase.heartbeat, step.now) });
  transmit(step, { type: "ping", seq: phase.at === "seated" ? phase.claim.seq : 0 });
}

export function transmit(step: Step, frame: ClientFrame): void {
  step.effects.push({ type: "transmit", text: JSON.stringify(frame) });
}

/**
 * One client's session with a signaling server: take a seat, keep it over broken sockets, and tell the sender what
 * became of each message. The twin of crates/session, for guests in a browser; `tests/scenarios` holds the stories that
 * both play the same way. Pure: time and the seed are arguments, and nothing here has a socket or a clock.
 */
import type { ClientMessage } from "../../generated/ClientMessage";
import type { EndReason } from "../../generated/EndReason";
import type { Join } from "../../generated/Join";
import { due as dueOf, isAsked, suspect } from "./heartbeat";
import { connect, disbelieve, end, fall, flush, hear, patience, ping, transmit } from "./moves";
import { push } from "./outbox";
import { read } from "./reading";
import {
  count,
  type Effect,
  emit,
  enter,
  type Input,
  type State,
  type Step,
  socketOf,
  type Why,
} from "./state";

export { configFor } from "./config";
export { type Counts, type Effect, type Hint, type Input, type State, start, type Why } from "./state";

/** Takes what happened at `now` (milliseconds on a clock that never goes back), and says what to do about it. */
export function update(state: State, now: number, input: Input): [State, Effect[]] {
  const step: Step = { state, now, effects: [] };
  take(step, input);
  catchUp(step);
  return [step.state, step.effects];
}

/** When to call again with `tick`, if nothing else happens before. Null once the session has ended. */
export function deadline(state: State): { readonly at: number; readonly why: Why } | null {
  const { phase } = state;
  switch (phase.at) {
    case "waiting":
      return { at: phase.until, why: "retry" };
    case "connecting":
      return { at: phase.until, why: "connect-timeout" };
    case "joining":
      return { at: phase.until, why: "join-timeout" };
    case "knocking":
    case "seated":
      return dueOf(phase.heartbeat, patience(state));
    case "leaving":
      return { at: phase.until, why: "leave-timeout" };
    case "ended":
      return null;
  }
}

function take(step: Step, input: Input): void {
  switch (input.type) {
    case "opened":
      opened(step, input.attempt);
      return;
    case "text":
      if (!isCurrent(step, input.attempt)) {
        count(step, "stale");
        return;
      }
      read(step, input.text);
      hear(step);
      return;
    case "closed":
    case "failed":
      if (isCurrent(step, input.attempt)) lost(step, input);
      else count(step, "stale");
      return;
    case "send":
      send(step, input.message);
      return;
    case "leave":
      leave(step);
      return;
    case "hint":
      hint(step);
      return;
    case "tick":
      return;
  }
}

/** Does all that is due by now. */
function catchUp(step: Step): void {
  for (let due = deadline(step.state); due !== null && due.at <= step.now; due = deadline(step.state)) {
    switch (due.why) {
      case "retry":
        connect(step);
        break;
      case "connect-timeout":
        fall(step, "unreachable", null);
        break;
      case "join-timeout":
        fall(step, "silent", null);
        break;
      case "ping":
        ping(step);
        break;
      case "doubt":
        disbelieve(step);
        break;
      case "silence":
        step.state = { ...step.state, silences: step.state.silences + 1 };
        fall(step, "silent", null);
        break;
      case "leave-timeout":
        end(step, "left");
        break;
    }
  }
}

function isCurrent(step: Step, attempt: number): boolean {
  return socketOf(step.state.phase) === attempt;
}

function opened(step: Step, attempt: number): void {
  const { phase, config } = step.state;
  if (phase.at !== "connecting" || phase.attempt !== attempt) {
    count(step, "stale");
    return;
  }
  const { nth, claim } = phase;
  enter(step, { at: "joining", attempt, nth, until: step.now + config.joinTimeout, claim });
  const { resume: _, ...wanted } = config.join;
  const join: Join = claim === null ? wanted : { ...wanted, resume: { token: claim.token, seq: claim.seq } };
  transmit(step, { type: "join", ...join });
}

/** The driver lost the socket. What is still to come is decided here; `fall` does it. */
function lost(step: Step, input: Extract<Input, { type: "closed" | "failed" }>): void {
  const { phase } = step.state;
  if (phase.at === "leaving") {
    end(step, "left");
    return;
  }
  if (input.type === "failed") {
    if (input.answered) fall(step, "refused", input.retryAfter);
    else fall(step, "unreachable", null);
    return;
  }
  const { code } = input;
  if (code !== null && code >= 4000 && code < 4100) end(step, endOf(code));
  else if (code === 1001) fall(step, "draining", null);
  else fall(step, phase.at === "connecting" ? "unreachable" : "closed", null);
}

function send(step: Step, message: ClientMessage): void {
  const { state } = step;
  if (state.phase.at === "ended") return;
  const id = state.sends + 1;
  const pushed = push(state.outbox, state.config, id, message);
  if ("type" in pushed) {
    step.state = { ...state, sends: id };
    emit(step, { type: "settled", id, outcome: pushed });
    return;
  }
  step.state = { ...state, sends: id, outbox: pushed };
  if (state.phase.at === "seated") flush(step);
}

function leave(step: Step): void {
  const { phase, config } = step.state;
  switch (phase.at) {
    // In `joining` the server reads the join first, so that the seat it gives is given up at once.
    case "joining":
    case "knocking":
    case "seated":
      enter(step, { at: "leaving", attempt: phase.attempt, until: step.now + config.leaveTimeout });
      transmit(step, { type: "leave" });
      step.effects.push({ type: "finish", attempt: phase.attempt });
      return;
    case "waiting":
    case "connecting":
      end(step, "left");
      return;
    case "leaving":
    case "ended":
      return;
  }
}

/** All hints weigh the same; their names are for the log. */
function hint(step: Step): void {
  const { phase, config } = step.state;
  const doubted = step.now + config.probeTimeout;
  switch (phase.at) {
    case "waiting":
      enter(step, { ...phase, until: Math.min(phase.until, Math.max(step.now, phase.earliest)) });
      return;
    case "connecting":
    case "joining":
      enter(step, { ...phase, until: Math.min(phase.until, doubted) });
      return;
    case "knocking":
    case "seated": {
      const heartbeat = suspect(
        phase.heartbeat,
        step.now,
        config.probeTimeout + patience(step.state).draining,
      );
      enter(step, { ...phase, heartbeat });
      if (!isAsked(heartbeat)) ping(step);
      return;
    }
    case "leaving":
    case "ended":
      return;
  }
}

/** What a final close code says. One of the family that only a newer server has still means: do not retry. */
function endOf(code: number): EndReason {
  switch (code) {
    case 4001:
      return "kicked";
    case 4003:
      return "taken-over";
    case 4004:
      return "version";
    case 4008:
      return "flooding";
    case 4010:
      return "unauthorized";
    default:
      return "ended";
  }
}

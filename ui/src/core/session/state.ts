import type { ClientMessage } from "../../generated/ClientMessage";
import type { SessionEvent } from "../../generated/SessionEvent";
import type { Config } from "./config";
import type { Heartbeat } from "./heartbeat";
import { emptyOutbox, type Outbox } from "./outbox";

/** What happened. Who says it: the driver, the user, the system, the clock. */
export type Input =
  /** Driver: the socket is open. */
  | { readonly type: "opened"; readonly attempt: number }
  /** Driver: a text frame arrived. */
  | { readonly type: "text"; readonly attempt: number; readonly text: string }
  /** Driver: the socket is gone, with its close code if it said one (RFC 6455, 7.4). */
  | { readonly type: "closed"; readonly attempt: number; readonly code: number | null }
  /**
   * Driver: the socket could not be opened. `answered` when something answered and would not speak WebSocket;
   * `retryAfter` is the wait it asked for, in milliseconds. A browser tells neither.
   */
  | {
      readonly type: "failed";
      readonly attempt: number;
      readonly answered: boolean;
      readonly retryAfter: number | null;
    }
  /** User: the n-th send has the id n, from 1, and meets exactly one `settled`. After `ended` it is ignored. */
  | { readonly type: "send"; readonly message: ClientMessage }
  /** User: give the seat up. Without a socket this ends at once, and the server's grace period does the rest. */
  | { readonly type: "leave" }
  /** System: waiting on may have become pointless. */
  | { readonly type: "hint"; readonly hint: Hint }
  /** Clock: the deadline has come. */
  | { readonly type: "tick" };

/** A network is there again; the user looks at the page; the machine slept. */
export type Hint = "online" | "visible" | "woken";

/** What is to be done, in this order. */
export type Effect =
  /** Open a socket, and answer under this number. */
  | { readonly type: "open"; readonly attempt: number }
  /** Write to the socket that was opened last. */
  | { readonly type: "transmit"; readonly text: string }
  /**
   * That was all for this socket: say so (RFC 6455, 5.5.1), if there is a way to go on hearing then. What is on its way counts
   * until the other side has said so, too.
   */
  | { readonly type: "finish"; readonly attempt: number }
  /** Close or abort that socket; nothing more is wanted from it. */
  | { readonly type: "close"; readonly attempt: number }
  | { readonly type: "event"; readonly event: SessionEvent };

/** What the deadline is about. */
export type Why =
  | "retry"
  | "connect-timeout"
  | "join-timeout"
  | "ping"
  | "doubt"
  | "silence"
  | "leave-timeout";

/** Frames that led to nothing, for the log and the tests. */
export interface Counts {
  /** Of a type that only a newer server has. */
  readonly unknown: number;
  readonly malformed: number;
  /** Already seen before a resume. */
  readonly duplicate: number;
  /** Ours, but not expected in this state, or an answer that nobody waits for. */
  readonly stray: number;
  /** From a socket that is no longer the current one. */
  readonly stale: number;
}

/** The states, as crates/session/src/session.rs draws them. Each carries what it needs, and no more. */
export type Phase =
  /** No socket until `until`; a hint can pull that to `earliest`. */
  | {
      readonly at: "waiting";
      readonly nth: number;
      readonly earliest: number;
      readonly until: number;
      readonly claim: Claim | null;
    }
  | {
      readonly at: "connecting";
      readonly attempt: number;
      readonly nth: number;
      readonly until: number;
      readonly claim: Claim | null;
    }
  /** Open, with the join on its way. */
  | {
      readonly at: "joining";
      readonly attempt: number;
      readonly nth: number;
      readonly until: number;
      readonly claim: Claim | null;
    }
  /** Open, and a moderator is asked whether we may come in. */
  | {
      readonly at: "knocking";
      readonly attempt: number;
      readonly claim: Claim | null;
      readonly heartbeat: Heartbeat;
    }
  /** `arrived` numbers the last sequenced message of this socket; it trails `claim.seq` while a replay repeats. */
  | {
      readonly at: "seated";
      readonly attempt: number;
      readonly claim: Claim;
      readonly arrived: number;
      readonly heartbeat: Heartbeat;
    }
  | { readonly at: "leaving"; readonly attempt: number; readonly until: number }
  | { readonly at: "ended" };

/** What it takes to get the seat back. */
export interface Claim {
  readonly token: string;
  /** The last sequenced message that was taken. */
  readonly seq: number;
  readonly heartbeatMs: number;
}

export interface State {
  readonly config: Config;
  readonly phase: Phase;
  readonly dice: number;
  readonly outbox: Outbox;
  readonly sends: number;
  readonly sockets: number;
  readonly openedAt: number | null;
  /** Sockets given up for their silence since the server last answered a message or a ping. */
  readonly silences: number;
  readonly counts: Counts;
}

/** A session that wants to connect now: its deadline has already come. */
export function start(config: Config, now: number): State {
  return {
    config,
    phase: { at: "waiting", nth: 1, earliest: now, until: now, claim: null },
    dice: config.seed >>> 0,
    outbox: emptyOutbox,
    sends: 0,
    sockets: 0,
    openedAt: null,
    silences: 0,
    counts: { unknown: 0, malformed: 0, duplicate: 0, stray: 0, stale: 0 },
  };
}

/** One update under way: the state so far, and what it led to. Lives for one call of `update`. */
export interface Step {
  state: State;
  readonly now: number;
  readonly effects: Effect[];
}

export function count(step: Step, what: keyof Counts): void {
  const { counts } = step.state;
  step.state = { ...step.state, counts: { ...counts, [what]: counts[what] + 1 } };
}

export function enter(step: Step, phase: Phase): void {
  step.state = { ...step.state, phase };
}

export function emit(step: Step, event: SessionEvent): void {
  step.effects.push({ type: "event", event });
}

export function socketOf(phase: Phase): number | null {
  return "attempt" in phase ? phase.attempt : null;
}

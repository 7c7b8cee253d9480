import type { Join } from "../../generated/Join";

/** How a session behaves. Durations are milliseconds. The twin of `Config` in crates/session. */
export interface Config {
  /** The seat that is wanted. Its `resume` is not read: the session fills it in. */
  readonly join: Join;
  /** For the jitter of the backoff: 32 bits that two clients of one server should not share. */
  readonly seed: number;
  /** Waits before the first seat: somebody looks at the screen, and nothing flows yet. */
  readonly first: Budget;
  /** Waits once there was a seat: its grace period runs, so tries come denser. */
  readonly reconnect: Budget;
  /** No two attempts start closer to one another than this, whatever hints or the server say. */
  readonly minWait: number;
  /** How long a socket may take to open. */
  readonly connectTimeout: number;
  /** How long an open socket may leave the join unanswered. */
  readonly joinTimeout: number;
  /** How long a ping may stay unanswered before the socket counts as dead, whatever else arrives by it. */
  readonly pongTimeout: number;
  /**
   * How long nothing may arrive while anything is unanswered, before a ping asks whether the socket lives. A round trip of
   * 2 s does not reach it.
   */
  readonly doubtAfter: number;
  /**
   * How long a socket in doubt, by silence or by a hint, may stay silent; and a connect or a join that a hint makes
   * doubtful. Both waits together outlast a segment lost twice (sent again after 1 s, and after 3 s: RFC 6298). Those of
   * a silence double, up to `pongTimeout`, with each socket given up until there is an answer: a server that is
   * merely slow must not be asked ever anew.
   */
  readonly probeTimeout: number;
  /**
   * What the slowest line carries, in bytes per second: the oldest unanswered message is given the time that it needs there.
   * Two thirds of 100 kbit/s, as media shares the line.
   */
  readonly slowestLine: number;
  /** How long to wait for `left`. */
  readonly leaveTimeout: number;
  /** Unsettled messages kept, and their bytes as JSON. It stays below the burst that a server allows. */
  readonly outboxMessages: number;
  readonly outboxBytes: number;
  /** The longest frame the server reads, in bytes. A longer one would cost the socket, again and again. */
  readonly frameBytes: number;
}

/** The wait before try n is between half and all of `base * 2^(n-1)`, and no more than `cap`. There is no last try. */
export interface Budget {
  readonly base: number;
  readonly cap: number;
}

export function configFor(join: Join, seed: number): Config {
  return {
    join,
    seed,
    first: { base: 1_000, cap: 15_000 },
    reconnect: { base: 250, cap: 5_000 },
    minWait: 100,
    connectTimeout: 10_000,
    joinTimeout: 10_000,
    pongTimeout: 10_000,
    doubtAfter: 3_000,
    probeTimeout: 3_000,
    slowestLine: 8_192,
    leaveTimeout: 2_000,
    outboxMessages: 256,
    outboxBytes: 1024 * 1024,
    frameBytes: 64 * 1024,
  };
}

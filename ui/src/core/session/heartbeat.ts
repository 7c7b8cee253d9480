/**
 * What is known of the life of one socket. Two questions are asked of it:
 *
 * - Does it carry anything at all? While an answer is owed, silence makes it doubtful, and anything that is heard relieves
 *   it again.
 * - Does it carry both ways? The oldest ping tells, which only answers satisfy: what others say may still arrive by a
 *   socket that takes nothing more.
 */
export interface Heartbeat {
  readonly every: number;
  readonly next: number;
  /** When each ping was sent, oldest first. Pongs come in the order of their pings. */
  readonly unanswered: readonly number[];
  /** When the server last answered anything. */
  readonly answered: number;
  /** Whether a message went out since the last ping, so that no pong speaks for it. */
  readonly talked: boolean;
  /** Since when an answer has been owed and nothing has been heard. */
  readonly silent: number | null;
  /** When a socket in doubt counts as dead. */
  readonly doomed: number | null;
}

/** How long a socket may be silent, in milliseconds. */
export interface Patience {
  /** While an answer is owed, before it is doubted. */
  readonly doubt: number;
  /** Once it is. */
  readonly probe: number;
  /** Without an answer, whatever else is heard. */
  readonly pong: number;
  /** What the frame on its way needs on a slow line, before anything can answer it. */
  readonly draining: number;
}

/** Of a socket that has just answered the join. `every` is what the server asked for, held to what makes sense. */
export function beat(now: number, every: number): Heartbeat {
  const held = Math.min(Math.max(every, 1_000), 60_000);
  const quiet = { talked: false, silent: null, doomed: null };
  return { every: held, next: now + held, unanswered: [], answered: now, ...quiet };
}

type Due = { readonly at: number; readonly why: "silence" | "ping" | "doubt" };

/** What comes next if nothing is heard; where several come at once, the one that is listed first. */
export function due(heartbeat: Heartbeat, patience: Patience): Due {
  const { next, unanswered, answered, silent, doomed } = heartbeat;
  const [oldest] = unanswered;
  let first: Due = { at: next, why: "ping" };
  if (silent !== null && doomed === null) {
    first = sooner(first, { at: silent + patience.doubt + patience.draining, why: "doubt" });
  }
  if (oldest !== undefined) {
    const asked = Math.max(oldest, answered);
    first = sooner({ at: asked + patience.pong + patience.draining, why: "silence" }, first);
  }
  if (doomed !== null) first = sooner({ at: doomed, why: "silence" }, first);
  return first;
}

function sooner(one: Due, other: Due): Due {
  return one.at <= other.at ? one : other;
}

export function pinged(heartbeat: Heartbeat, now: number): Heartbeat {
  const { every, unanswered, silent } = heartbeat;
  return {
    ...heartbeat,
    next: now + every,
    unanswered: [...unanswered, now],
    talked: false,
    silent: silent ?? now,
  };
}

/** A message went out that wants an answer. */
export function talked(heartbeat: Heartbeat, now: number): Heartbeat {
  return { ...heartbeat, talked: true, silent: heartbeat.silent ?? now };
}

export function ponged(heartbeat: Heartbeat, now: number): Heartbeat {
  return { ...heartbeat, unanswered: heartbeat.unanswered.slice(1), answered: now };
}

/** A message was answered. */
export function answered(heartbeat: Heartbeat, now: number): Heartbeat {
  return { ...heartbeat, answered: now };
}

/** Anything came; `open`: there are messages without an answer yet. Comes after what it means is done. */
export function heard(heartbeat: Heartbeat, now: number, open: boolean): Heartbeat {
  const owed = isAsked(heartbeat) || (heartbeat.talked && open);
  return { ...heartbeat, silent: owed ? now : null, doomed: null };
}

/** Silence has made the socket doubtful. */
export function doubt(heartbeat: Heartbeat, now: number, patience: Patience): Heartbeat {
  return { ...heartbeat, doomed: now + patience.probe };
}

/**
 * Something outside has made it doubtful: it has `probe` milliseconds from now, or from when the silence began that a ping
 * asked to end.
 */
export function suspect(heartbeat: Heartbeat, now: number, probe: number): Heartbeat {
  const since = (isAsked(heartbeat) ? heartbeat.silent : null) ?? now;
  return { ...heartbeat, doomed: Math.min(heartbeat.doomed ?? Infinity, since + probe) };
}

/** Whether a ping is out, so that a doubt needs no other. */
export function isAsked(heartbeat: Heartbeat): boolean {
  return heartbeat.unanswered.length > 0;
}

/** The pings of one socket. Pongs come in the order of their pings, so each answers the oldest. */
export interface Heartbeat {
  readonly every: number;
  readonly next: number;
  /** Oldest first. */
  readonly unanswered: readonly Ping[];
}

interface Ping {
  readonly sent: number;
  /** When it gives the socket up for dead. */
  readonly death: number;
}

/** `every` is what the server asked for, held to what makes sense. */
export function beat(now: number, every: number): Heartbeat {
  const held = Math.min(Math.max(every, 1_000), 60_000);
  return { every: held, next: now + held, unanswered: [] };
}

export function pinged(heartbeat: Heartbeat, now: number, timeout: number): Heartbeat {
  const unanswered = [...heartbeat.unanswered, { sent: now, death: now + timeout }];
  return { ...heartbeat, next: now + heartbeat.every, unanswered };
}

export function ponged(heartbeat: Heartbeat): Heartbeat {
  return { ...heartbeat, unanswered: heartbeat.unanswered.slice(1) };
}

/**
 * Doubts the socket: the oldest unanswered ping has `timeout` and no more, counted from when it was sent. Null when there
 * is none, and one should be sent.
 */
export function doubt(heartbeat: Heartbeat, timeout: number): Heartbeat | null {
  const [oldest, ...rest] = heartbeat.unanswered;
  if (oldest === undefined) return null;
  const death = Math.min(oldest.death, oldest.sent + timeout);
  return { ...heartbeat, unanswered: [{ ...oldest, death }, ...rest] };
}

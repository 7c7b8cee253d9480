/** The pings of one socket. Pongs come in the order of their pings, so each answers the oldest. */
export interface Heartbeat {
  readonly every: number;
  readonly next: number;
  /** When each unanswered ping, oldest first, gives the socket up for dead. */
  readonly unanswered: readonly number[];
}

/** `every` is what the server asked for, held to what makes sense. */
export function beat(now: number, every: number): Heartbeat {
  const held = Math.min(Math.max(every, 1_000), 60_000);
  return { every: held, next: now + held, unanswered: [] };
}

export function pinged(heartbeat: Heartbeat, now: number, timeout: number): Heartbeat {
  const unanswered = [...heartbeat.unanswered, now + timeout];
  return { ...heartbeat, next: now + heartbeat.every, unanswered };
}

export function ponged(heartbeat: Heartbeat): Heartbeat {
  return { ...heartbeat, unanswered: heartbeat.unanswered.slice(1) };
}

/** Doubts the socket: the oldest unanswered ping has less time. Null when there is none, and one should be sent. */
export function doubt(heartbeat: Heartbeat, by: number): Heartbeat | null {
  const [oldest, ...rest] = heartbeat.unanswered;
  if (oldest === undefined) return null;
  return { ...heartbeat, unanswered: [Math.min(oldest, by), ...rest] };
}

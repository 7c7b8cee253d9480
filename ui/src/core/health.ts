/**
 * When a link that lost its media tries a new path (an ICE restart). The side that sits there longer goes first and at
 * once, so that two restarts seldom cross; the other one steps in when that has brought nothing. A restart takes nothing
 * away: the old path carries on until the new one works.
 */
import type { LinkState } from "./ports";

export interface Health {
  readonly state: LinkState;
  /** Milliseconds since the epoch: when this state began, or the last restart was made. */
  readonly at: number;
  readonly restarts: number;
}

export function newHealth(now: number): Health {
  return { state: "new", at: now, restarts: 0 };
}

export function change(health: Health, state: LinkState, now: number): Health {
  if (state === health.state) return health;
  return { state, at: now, restarts: state === "connected" ? 0 : health.restarts };
}

/** A new path is looked for already, for a reason of the network's own. */
export function restarted(health: Health, now: number): Health {
  return { ...health, at: now };
}

/** Asked when the state changes, and about once a second. */
export function check(health: Health, polite: boolean, now: number): { health: Health; restart: boolean } {
  const patience = patienceOf(health, polite);
  if (patience === null || now - health.at < patience) return { health, restart: false };
  return { health: { ...health, at: now, restarts: health.restarts + 1 }, restart: true };
}

function patienceOf({ state, restarts }: Health, polite: boolean): number | null {
  const extra = (polite ? 3_000 : 0) + Math.min(restarts * 5_000, 30_000);
  switch (state) {
    case "connected":
      return null;
    // Peer connections say so late enough: nothing has arrived for seconds.
    case "disconnected":
    case "failed":
      return extra;
    // An offer or an answer may have been lost together with the server that relayed it.
    case "new":
      return 10_000 + extra;
  }
}

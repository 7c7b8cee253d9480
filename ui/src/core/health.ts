/**
 * When a link that lost its media tries a new path (an ICE restart). The side that sits there longer goes first, so that
 * two restarts do not cross; the other one steps in when that has brought nothing.
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

/** Asked about once a second. */
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
    // A short loss of the network mends by itself.
    case "disconnected":
      return 4_000 + extra;
    case "failed":
      return 500 + extra;
    // An offer or an answer may have been lost together with the server that relayed it.
    case "new":
      return 10_000 + extra;
  }
}

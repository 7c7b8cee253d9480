/** The two sounds of a call: somebody's sound and picture are lost, and all of them are back. */
import type { Roster } from "./roster";

export type Chime = "lost" | "back";

/**
 * One chime for one trouble, however many it takes away at once and however often they come and go in it. One who leaves,
 * or is given up, is neither lost nor back.
 */
export function chimeOf(before: Roster, after: Roster): Chime | null {
  const [was, is] = [lost(before), lost(after)];
  if (was.size === 0) return is.size > 0 ? "lost" : null;
  if (is.size > 0) return null;
  return after.some(({ key, media }) => was.has(key) && media.state === "connected") ? "back" : null;
}

function lost(roster: Roster): ReadonlySet<string> {
  const gone = roster.filter(({ media }) => media.wasConnected && media.state !== "connected");
  return new Set(gone.map(({ key }) => key));
}

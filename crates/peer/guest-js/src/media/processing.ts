// What a track's constraints ask to be done to its samples. Pure.
import type { Processing } from "../wire";

/**
 * Everything for a microphone unless a constraint says otherwise, as browsers do; nothing for a track that no device
 * feeds (a file, an instrument, a remote voice), which is to stay as it is.
 */
export function processingOf(track: MediaStreamTrack): Processing {
  const device = Boolean(track.getSettings().deviceId);
  const asked = track.getConstraints();
  return {
    echoCancellation: device && wants(asked.echoCancellation),
    noiseSuppression: device && wants(asked.noiseSuppression),
    autoGainControl: device && wants(asked.autoGainControl),
  };
}

/** A ConstrainBoolean, or one of the words newer drafts allow. */
function wants(constraint: unknown): boolean {
  if (typeof constraint !== "object" || constraint === null) return constraint !== false;
  const { exact, ideal } = constraint as { exact?: unknown; ideal?: unknown };
  return (exact ?? ideal) !== false;
}

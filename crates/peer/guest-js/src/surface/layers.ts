// What the worker is told of a sender's encodings, by the places of their layers.
import type { LayerLimits } from "../worker/messages";
import type { Line } from "./line";

/** Descriptions do not tell the SSRCs of a simulcast's layers; Rust does. */
export function sent(line: Line): Record<number, number> {
  const known = line.encodings.flatMap((encoding, index) => {
    const ssrc = line.ssrcs[index];
    return ssrc === undefined ? [] : [[line.place(encoding), ssrc]];
  });
  return Object.fromEntries(known);
}

export function limits(line: Line): LayerLimits[] {
  return line.encodings.map((encoding) => {
    const { active = true, maxBitrate, maxFramerate, scaleResolutionDownBy } = encoding;
    return {
      layer: line.place(encoding),
      active,
      ...(line.codec && { codec: line.codec }),
      ...(maxBitrate !== undefined && { maxBitrate }),
      ...(maxFramerate !== undefined && { maxFramerate }),
      ...(scaleResolutionDownBy !== undefined && { scaleResolutionDownBy }),
    };
  });
}

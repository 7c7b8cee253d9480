// What the worker is told of a sender's encodings, by the places of their layers.
import type { LayerLimits } from "../worker/messages";
import { codecName } from "./capabilities";
import type { Line } from "./line";

/** Descriptions do not tell the SSRCs of a simulcast's layers; Rust does. */
export function sent(line: Line): Record<number, number> {
  const known = line.encodings.flatMap((encoding, index) => {
    const ssrc = line.ssrcs[index];
    return ssrc === undefined ? [] : [[line.place(encoding), ssrc]];
  });
  return Object.fromEntries(known);
}

/** What the page prefers where not all can be had (mst-content-hint); what is balanced goes by the track's hint. */
const DETAILED: Partial<Record<RTCDegradationPreference, boolean>> = {
  "maintain-framerate": false,
  "maintain-resolution": true,
};

export function limits(line: Line): LayerLimits[] {
  const detailed = line.degradationPreference && DETAILED[line.degradationPreference];
  return line.encodings.map((encoding) => {
    const { active = true, maxBitrate, maxFramerate, scaleResolutionDownBy } = encoding;
    // Another than the first that was agreed on, if the page names one.
    const codec = codecName(encoding.codec?.mimeType) ?? line.codec;
    return {
      layer: line.place(encoding),
      active,
      ...(codec && { codec }),
      ...(codec === "H264" && line.h264 && { h264: line.h264 }),
      ...(detailed !== undefined && { detailed }),
      ...(maxBitrate !== undefined && { maxBitrate }),
      ...(maxFramerate !== undefined && { maxFramerate }),
      ...(scaleResolutionDownBy !== undefined && { scaleResolutionDownBy }),
    };
  });
}

// RTCDataChannelInit: conversions, and what a page may not ask for (WebRTC 6.1, createDataChannel).
import type { ChannelInit } from "../wire";
import { boolean, dictionary, scalars, unsignedShortEnforced } from "./idl";

/** Bytes that the label and the protocol of a data channel may have (RFC 8832 5.1). */
const LABEL_MOST = 65_535;

export const channelInit = dictionary<RTCDataChannelInit>({
  id: { type: unsignedShortEnforced },
  maxPacketLifeTime: { type: unsignedShortEnforced },
  maxRetransmits: { type: unsignedShortEnforced },
  negotiated: { type: boolean, standard: false },
  ordered: { type: boolean, standard: true },
  protocol: { type: scalars, standard: "" },
});

/** The channel that a page asks for; throws for its mistakes. */
export function checkChannel(label: string, init: RTCDataChannelInit): ChannelInit {
  const { ordered = true, maxRetransmits, maxPacketLifeTime, protocol = "", negotiated = false } = init;
  const encoder = new TextEncoder();
  if (encoder.encode(label).length > LABEL_MOST || encoder.encode(protocol).length > LABEL_MOST) {
    throw new TypeError("the label or the protocol is too long");
  }
  const id = negotiated ? init.id : undefined;
  if (negotiated && id === undefined) throw new TypeError("a negotiated channel needs an id");
  if (maxRetransmits !== undefined && maxPacketLifeTime !== undefined) {
    throw new TypeError("maxRetransmits and maxPacketLifeTime exclude each other");
  }
  if (id === 65_535) throw new TypeError("the id is out of range");
  return {
    label,
    ordered,
    protocol,
    negotiated,
    ...(maxRetransmits !== undefined && { maxRetransmits }),
    ...(maxPacketLifeTime !== undefined && { maxPacketLifeTime }),
    ...(id !== undefined && { id }),
  };
}

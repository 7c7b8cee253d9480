// RTCRtpCodec: how a page names a codec, and which of those there are it means.
import { dictionary, string, unsignedLong } from "./idl";

export const codec = dictionary<RTCRtpCodec>({
  channels: { type: unsignedLong },
  clockRate: { type: unsignedLong, required: true },
  mimeType: { type: string, required: true },
  sdpFmtpLine: { type: string },
});

/** Whether media can be sent with it alone. */
export function carriesMedia({ mimeType }: RTCRtpCodec): boolean {
  return !/\/(rtx|red|ulpfec|flexfec-03|telephone-event|cn)$/i.test(mimeType);
}

/**
 * The first of `list` that is the same codec (WebRTC 5.4, codec dictionary match). `asymmetric`: parameters that either
 * end may have its own value of need not be equal.
 */
export function find<T extends RTCRtpCodec>(list: T[], one: RTCRtpCodec, asymmetric = false): T | undefined {
  return list.find(
    (other) =>
      other.mimeType.toLowerCase() === one.mimeType.toLowerCase() &&
      other.clockRate === one.clockRate &&
      other.channels === one.channels &&
      format(other, asymmetric) === format(one, asymmetric),
  );
}

/** The parameters of a codec in an order of their own. */
function format({ mimeType, sdpFmtpLine }: RTCRtpCodec, asymmetric: boolean): string | undefined {
  const parameters = sdpFmtpLine?.toLowerCase().split(";") ?? [];
  // What stands for no parameters is one text.
  if (!parameters.every((one) => one.includes("="))) return sdpFmtpLine;
  const all = parameters.map((one) => one.trim());
  // The last byte of H.264's profile is its level.
  const symmetric = /\/h264$/i.test(mimeType) && asymmetric ? all.map(withoutLevel) : all;
  return sdpFmtpLine === undefined ? undefined : symmetric.sort().join(";");
}

function withoutLevel(parameter: string): string {
  return parameter.replace(/^(profile-level-id=[0-9a-f]{4})[0-9a-f]{2}$/, "$1");
}

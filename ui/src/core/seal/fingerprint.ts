/** DTLS fingerprints (RFC 8122) as descriptions carry them. */

/**
 * The one certificate that a description speaks of: SHA-256 in lower-case hexadecimal. Null where it names none, names
 * another hash, or names several: media could then flow to a certificate that nobody has vouched for.
 */
export function fingerprintOf(sdp: string): string | null {
  const lines = [...sdp.matchAll(/^a=fingerprint:[ \t]*(\S+)[ \t]+(\S+)[ \t]*$/gim)];
  const [first] = lines;
  if (first === undefined) return null;
  const whole = lines.every(([line]) => line.toLowerCase() === first[0].toLowerCase());
  // What is no such line, but begins like one, is not for us to guess about.
  const all = [...sdp.matchAll(/^a=fingerprint/gim)].length === lines.length;
  return whole && all ? readFingerprint(first[1] ?? "", first[2] ?? "") : null;
}

/** As `RTCCertificate.getFingerprints` tells it. */
export function readFingerprint(algorithm: string, value: string): string | null {
  const digest = value.replaceAll(":", "").toLowerCase();
  return algorithm.toLowerCase() === "sha-256" && /^[0-9a-f]{64}$/.test(digest) ? digest : null;
}

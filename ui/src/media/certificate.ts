/** The certificate of our media, by which the others in a sealed room know us. */
import { fingerprintOf, readFingerprint } from "../core/seal/fingerprint";

export interface Certified {
  readonly certificate: RTCCertificate;
  /** SHA-256, lower-case hexadecimal. */
  readonly fingerprint: string;
}

export async function makeCertificate(): Promise<Certified> {
  const certificate = await RTCPeerConnection.generateCertificate({
    name: "ECDSA",
    namedCurve: "P-256",
  } as EcKeyGenParams);
  const fingerprint = told(certificate) ?? (await shown(certificate));
  if (fingerprint === null) throw new Error("the certificate has no SHA-256 fingerprint");
  return { certificate, fingerprint };
}

/** Not every browser tells; what is missing in the types is missing there. */
function told(certificate: RTCCertificate): string | null {
  for (const { algorithm, value } of certificate.getFingerprints?.() ?? []) {
    const fingerprint = readFingerprint(algorithm ?? "", value ?? "");
    if (fingerprint !== null) return fingerprint;
  }
  return null;
}

/** Every description of a connection that uses it shows it. */
async function shown(certificate: RTCCertificate): Promise<string | null> {
  const pc = new RTCPeerConnection({ certificates: [certificate] });
  try {
    pc.addTransceiver("audio");
    const { sdp } = await pc.createOffer();
    return fingerprintOf(sdp ?? "");
  } finally {
    pc.close();
  }
}

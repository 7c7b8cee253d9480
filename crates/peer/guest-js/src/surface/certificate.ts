// RTCCertificate. The key stays with Rust; the page holds its number.
import type { CertificateInfo } from "../wire";
import { type Converter, dictionary, needs } from "./idl";
import { runtime } from "./runtime";

/** 30 days. */
const STANDARD_LIFE = 2_592_000_000;
/** A year: longer ones are cut, as the specification allows. */
const LONGEST_LIFE = 31_536_000_000;

let building = false;
let infoOf: (certificate: Certificate) => CertificateInfo;

export class Certificate {
  #info: CertificateInfo;

  constructor(info: CertificateInfo) {
    if (!building) throw new TypeError("Illegal constructor");
    this.#info = info;
  }

  static {
    infoOf = (certificate) => certificate.#info;
  }

  get expires(): number {
    return this.#info.expires;
  }

  getFingerprints(): RTCDtlsFingerprint[] {
    return this.#info.fingerprints.map((fingerprint) => ({ ...fingerprint }));
  }
}

export function numberOf(certificate: Certificate): number {
  return infoOf(certificate).certificate;
}

const life: Converter<number> = (value, what) => {
  const number = Number(value);
  if (!Number.isFinite(number) || Math.trunc(number) < 0 || number > Number.MAX_SAFE_INTEGER)
    throw new TypeError(`${what} is no number of milliseconds`);
  return Math.trunc(number);
};
const expiry = dictionary<{ expires?: number }>({ expires: { type: life } });

interface Algorithm {
  name: string;
  namedCurve?: unknown;
  modulusLength?: unknown;
  publicExponent?: unknown;
  hash?: unknown;
}

/** `RTCPeerConnection.generateCertificate` (WebRTC 4.9.1): ECDSA on P-256, or RSASSA-PKCS1-v1_5 with SHA-256. */
export async function generate(given: unknown): Promise<Certificate> {
  // biome-ignore lint/complexity/noArguments: their number is what matters.
  needs(arguments, 1);
  const { expires } = typeof given === "object" ? expiry(given, "keygenAlgorithm") : {};
  const algorithm = (
    typeof given === "object" && given !== null ? given : { name: String(given) }
  ) as Algorithm;
  if (algorithm.name === undefined) throw new TypeError("the algorithm has no name");
  const key = await pkcs8(algorithm);
  const info = await runtime().link.certificate({
    expires: Date.now() + Math.min(expires ?? STANDARD_LIFE, LONGEST_LIFE),
    ...(key && { pkcs8: key }),
  });
  building = true;
  try {
    return new Certificate(info);
  } finally {
    building = false;
  }
}

/** The key, if it has to be made here: Rust's provider makes none of RSA. Undefined for ECDSA on P-256. */
async function pkcs8({ name, namedCurve, modulusLength, publicExponent, hash }: Algorithm) {
  const unsupported = () => new DOMException("the algorithm is not supported", "NotSupportedError");
  const called = String(name).toUpperCase();
  if (called === "ECDSA") {
    if (namedCurve === undefined) throw new TypeError("the algorithm has no namedCurve");
    if (namedCurve !== "P-256") throw unsupported();
    return undefined;
  }
  if (called !== "RSASSA-PKCS1-V1_5") throw unsupported();
  const digest = typeof hash === "object" && hash !== null ? (hash as { name?: unknown }).name : hash;
  const exponent = publicExponent instanceof Uint8Array ? [...publicExponent].join() : "";
  if (modulusLength !== 2048 || exponent !== "1,0,1" || String(digest).toUpperCase() !== "SHA-256")
    throw unsupported();
  const { privateKey } = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    },
    true,
    ["sign"],
  );
  return [...new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey))];
}

// RTCSessionDescription and RTCIceCandidate.
import { dictionary, enumeration, needs, nullable, scalars, string, unsignedShort } from "./idl";

export const descriptionType = enumeration<RTCSdpType>("offer", "pranswer", "answer", "rollback");

/** What a description says; an instance of the class will do as well as a plain object. */
export const descriptionInit = dictionary<{ type: RTCSdpType; sdp?: string }>({
  type: { type: descriptionType, required: true },
  sdp: { type: string },
});

export const localDescriptionInit = dictionary<{ type?: RTCSdpType; sdp?: string }>({
  type: { type: descriptionType },
  sdp: { type: string },
});

export class SessionDescription {
  #type: RTCSdpType;
  #sdp: string;

  constructor(init: RTCSessionDescriptionInit) {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const { type, sdp = "" } = descriptionInit(init, "the description");
    this.#type = type;
    this.#sdp = sdp;
  }

  get type(): RTCSdpType {
    return this.#type;
  }
  get sdp(): string {
    return this.#sdp;
  }

  toJSON(): RTCSessionDescriptionInit {
    return { type: this.#type, sdp: this.#sdp };
  }
}

export const candidateInit = dictionary<RTCIceCandidateInit>({
  candidate: { type: string, standard: "" },
  sdpMid: { type: nullable(string) },
  sdpMLineIndex: { type: nullable(unsignedShort) },
  usernameFragment: { type: nullable(scalars) },
});

/** The fields of a candidate attribute (RFC 8839 5.1). */
interface Fields {
  foundation: string;
  component: RTCIceComponent;
  priority: number;
  address: string;
  protocol: RTCIceProtocol;
  port: number;
  type: RTCIceCandidateType;
  tcpType: RTCIceTcpCandidateType | null;
  relatedAddress: string | null;
  relatedPort: number | null;
}

export class IceCandidate {
  #init: RTCIceCandidateInit;
  #fields: Fields | undefined;
  #url: string | null;

  constructor(init: RTCIceCandidateInit & { url?: string | null } = {}) {
    this.#init = candidateInit(init, "the candidate");
    this.#url = null;
    const { candidate = "", sdpMid = null, sdpMLineIndex = null } = this.#init;
    if (sdpMid === null && sdpMLineIndex === null)
      throw new TypeError("a candidate needs sdpMid or sdpMLineIndex");
    this.#fields = fields(candidate);
  }

  get candidate(): string {
    return this.#init.candidate ?? "";
  }
  get sdpMid(): string | null {
    return this.#init.sdpMid ?? null;
  }
  get sdpMLineIndex(): number | null {
    return this.#init.sdpMLineIndex ?? null;
  }
  get foundation(): string | null {
    return this.#fields?.foundation ?? null;
  }
  get component(): RTCIceComponent | null {
    return this.#fields?.component ?? null;
  }
  get priority(): number | null {
    return this.#fields?.priority ?? null;
  }
  get address(): string | null {
    return this.#fields?.address ?? null;
  }
  get protocol(): RTCIceProtocol | null {
    return this.#fields?.protocol ?? null;
  }
  get port(): number | null {
    return this.#fields?.port ?? null;
  }
  get type(): RTCIceCandidateType | null {
    return this.#fields?.type ?? null;
  }
  get tcpType(): RTCIceTcpCandidateType | null {
    return this.#fields?.tcpType ?? null;
  }
  get relatedAddress(): string | null {
    return this.#fields?.relatedAddress ?? null;
  }
  get relatedPort(): number | null {
    return this.#fields?.relatedPort ?? null;
  }
  get usernameFragment(): string | null {
    return this.#init.usernameFragment ?? null;
  }
  get relayProtocol(): string | null {
    return null;
  }
  get url(): string | null {
    return this.#url;
  }

  toJSON(): RTCIceCandidateInit {
    const { candidate = "", sdpMid = null, sdpMLineIndex = null, usernameFragment = null } = this.#init;
    return { candidate, sdpMid, sdpMLineIndex, usernameFragment };
  }
}

const TYPES: RTCIceCandidateType[] = ["host", "srflx", "prflx", "relay"];

/** Undefined when the text is no candidate attribute: then the candidate has none of these. */
function fields(text: string): Fields | undefined {
  // foundation component protocol priority address port "typ" type, then pairs.
  const words = text.replace(/^(a=)?candidate:/, "").split(" ");
  const [foundation = "", component, transport = "", priority, address = "", port, typ, type] = words;
  const protocol = transport.toLowerCase();
  const kind = TYPES.find((one) => one === type);
  if (typ !== "typ" || !kind || (protocol !== "udp" && protocol !== "tcp")) return undefined;
  if (![component, priority, port].every((word) => word && /^\d+$/.test(word))) return undefined;
  const extension = (name: string) => {
    for (let index = 8; index + 1 < words.length; index += 2)
      if (words[index] === name) return words[index + 1];
    return undefined;
  };
  const tcpType = extension("tcptype");
  const relatedPort = extension("rport");
  return {
    foundation,
    component: component === "2" ? "rtcp" : "rtp",
    priority: Number(priority),
    address,
    protocol,
    port: Number(port),
    type: kind,
    tcpType: tcpType === "active" || tcpType === "passive" || tcpType === "so" ? tcpType : null,
    relatedAddress: extension("raddr") ?? null,
    relatedPort: relatedPort === undefined ? null : Number(relatedPort),
  };
}

// RTCSessionDescription and RTCIceCandidate.
import { handlerAttributes } from "./handlers";

export class SessionDescription implements RTCSessionDescription {
  readonly type: RTCSdpType;
  readonly sdp: string;

  constructor(init: RTCSessionDescriptionInit) {
    this.type = init.type;
    this.sdp = init.sdp ?? "";
  }

  toJSON(): RTCSessionDescriptionInit {
    return { type: this.type, sdp: this.sdp };
  }
}

export class IceCandidate implements RTCIceCandidate {
  readonly candidate: string;
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number | null;
  readonly usernameFragment: string | null;
  readonly foundation: string | null = null;
  readonly component: RTCIceComponent | null = null;
  readonly priority: number | null = null;
  readonly address: string | null = null;
  readonly protocol: RTCIceProtocol | null = null;
  readonly port: number | null = null;
  readonly type: RTCIceCandidateType | null = null;
  readonly tcpType: RTCIceTcpCandidateType | null = null;
  readonly relatedAddress: string | null = null;
  readonly relatedPort: number | null = null;

  constructor(init: RTCIceCandidateInit = {}) {
    this.candidate = init.candidate ?? "";
    this.sdpMid = init.sdpMid ?? null;
    this.sdpMLineIndex = init.sdpMLineIndex ?? null;
    this.usernameFragment = init.usernameFragment ?? null;
    if (this.sdpMid === null && this.sdpMLineIndex === null) {
      throw new TypeError("a candidate needs sdpMid or sdpMLineIndex");
    }
    // foundation component protocol priority address port "typ" type, then pairs (RFC 8839 5.1).
    const fields = this.candidate.replace(/^(a=)?candidate:/, "").split(" ");
    if (fields.length < 8 || fields[6] !== "typ") return;
    this.foundation = fields[0] ?? null;
    this.component = fields[1] === "2" ? "rtcp" : "rtp";
    this.protocol = (fields[2]?.toLowerCase() as RTCIceProtocol | undefined) ?? null;
    this.priority = Number(fields[3]);
    this.address = fields[4] ?? null;
    this.port = Number(fields[5]);
    this.type = (fields[7] as RTCIceCandidateType | undefined) ?? null;
    for (let index = 8; index + 1 < fields.length; index += 2) {
      const value = fields[index + 1] ?? "";
      if (fields[index] === "raddr") this.relatedAddress = value;
      else if (fields[index] === "rport") this.relatedPort = Number(value);
      else if (fields[index] === "tcptype") this.tcpType = value as RTCIceTcpCandidateType;
      else if (fields[index] === "ufrag") this.usernameFragment ??= value;
    }
  }

  toJSON(): RTCIceCandidateInit {
    const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = this;
    return { candidate, sdpMid, sdpMLineIndex, usernameFragment };
  }
}

/** The transport under one connection, of which bundling leaves one. */
export class IceTransport extends EventTarget {
  state: RTCIceTransportState = "new";
  gatheringState: RTCIceGathererState = "new";
  readonly component: RTCIceComponent = "rtp";

  getSelectedCandidatePair(): RTCIceCandidatePair | null {
    return null;
  }
}
handlerAttributes(IceTransport.prototype, [
  "statechange",
  "gatheringstatechange",
  "selectedcandidatepairchange",
]);

export class DtlsTransport extends EventTarget {
  state: RTCDtlsTransportState = "new";
  readonly iceTransport = new IceTransport();

  getRemoteCertificates(): ArrayBuffer[] {
    return [];
  }
}
handlerAttributes(DtlsTransport.prototype, ["statechange", "error"]);

export class SctpTransport extends EventTarget {
  state: RTCSctpTransportState = "connecting";
  readonly transport: DtlsTransport;
  readonly maxMessageSize: number;
  readonly maxChannels: number | null = null;

  constructor(transport: DtlsTransport, maxMessageSize: number) {
    super();
    this.transport = transport;
    this.maxMessageSize = maxMessageSize;
  }
}
handlerAttributes(SctpTransport.prototype, ["statechange"]);

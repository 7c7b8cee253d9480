// The events of a peer connection, and RTCError.
import type { DataChannel } from "./channel";
import type { IceCandidate } from "./description";
import type { Receiver, Transceiver } from "./transceiver";

export class PeerConnectionIceEvent extends Event {
  readonly candidate: IceCandidate | null;
  readonly url: string | null;

  constructor(type: string, init: EventInit & { candidate?: IceCandidate | null; url?: string | null } = {}) {
    super(type, init);
    this.candidate = init.candidate ?? null;
    this.url = init.url ?? null;
  }
}

export class PeerConnectionIceErrorEvent extends Event {
  readonly address: string | null;
  readonly port: number | null;
  readonly url: string;
  readonly errorCode: number;
  readonly errorText: string;

  constructor(type: string, init: RTCPeerConnectionIceErrorEventInit) {
    super(type, init);
    this.address = init.address ?? null;
    this.port = init.port ?? null;
    this.url = init.url ?? "";
    this.errorCode = init.errorCode;
    this.errorText = init.errorText ?? "";
  }
}

export interface TrackEventInit extends EventInit {
  receiver: Receiver;
  track: MediaStreamTrack;
  streams?: MediaStream[];
  transceiver: Transceiver;
}

export class TrackEvent extends Event {
  readonly receiver: Receiver;
  readonly track: MediaStreamTrack;
  readonly streams: readonly MediaStream[];
  readonly transceiver: Transceiver;

  constructor(type: string, init: TrackEventInit) {
    super(type, init);
    this.receiver = init.receiver;
    this.track = init.track;
    this.streams = Object.freeze([...(init.streams ?? [])]);
    this.transceiver = init.transceiver;
  }
}

export class DataChannelEvent extends Event {
  readonly channel: DataChannel;

  constructor(type: string, init: EventInit & { channel: DataChannel }) {
    super(type, init);
    this.channel = init.channel;
  }
}

export class PeerError extends DOMException {
  readonly errorDetail: RTCErrorDetailType;
  readonly sdpLineNumber: number | null;
  readonly sctpCauseCode: number | null;
  readonly receivedAlert: number | null;
  readonly sentAlert: number | null;

  constructor(init: RTCErrorInit, message = "") {
    super(message, "OperationError");
    this.errorDetail = init.errorDetail;
    this.sdpLineNumber = init.sdpLineNumber ?? null;
    this.sctpCauseCode = init.sctpCauseCode ?? null;
    this.receivedAlert = init.receivedAlert ?? null;
    this.sentAlert = init.sentAlert ?? null;
  }
}

export class PeerErrorEvent extends Event {
  readonly error: PeerError;

  constructor(type: string, init: EventInit & { error: PeerError }) {
    super(type, init);
    this.error = init.error;
  }
}

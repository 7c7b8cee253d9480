// The events of a peer connection, and RTCError.
import { DataChannel } from "./channel";
import { IceCandidate } from "./description";
import {
  type Converter,
  dictionary,
  enumeration,
  instance,
  long,
  needs,
  nullable,
  scalars,
  sequence,
  string,
  unsignedLong,
  unsignedShort,
} from "./idl";
import { Receiver, Transceiver } from "./transceiver";

/** The dictionary of an event's constructor: its own members, beside those that `Event` reads itself. */
function eventInit<D extends object>(type: Converter<D>, given: unknown): D {
  return type(given, "the event's dictionary");
}

const iceInit = dictionary<{ candidate?: IceCandidate | null; url?: string | null }>({
  candidate: { type: nullable(instance(() => IceCandidate)) },
  url: { type: nullable(string) },
});

export class PeerConnectionIceEvent extends Event {
  #candidate: IceCandidate | null;
  #url: string | null;

  constructor(type: string, init: EventInit & { candidate?: IceCandidate | null; url?: string | null } = {}) {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const { candidate = null, url = null } = eventInit(iceInit, init);
    super(type, init ?? {});
    this.#candidate = candidate;
    this.#url = url;
  }

  get candidate(): IceCandidate | null {
    return this.#candidate;
  }
  get url(): string | null {
    return this.#url;
  }
}

interface IceErrorInit {
  address?: string | null;
  port?: number | null;
  url?: string;
  errorCode: number;
  errorText?: string;
}

const iceErrorInit = dictionary<IceErrorInit>({
  address: { type: nullable(string) },
  port: { type: nullable(unsignedShort) },
  url: { type: string },
  errorCode: { type: unsignedShort, required: true },
  errorText: { type: scalars },
});

export class PeerConnectionIceErrorEvent extends Event {
  #init: IceErrorInit;

  constructor(type: string, init: EventInit & IceErrorInit) {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 2);
    const own = eventInit(iceErrorInit, init);
    super(type, init ?? {});
    this.#init = own;
  }

  get address(): string | null {
    return this.#init.address ?? null;
  }
  get port(): number | null {
    return this.#init.port ?? null;
  }
  get url(): string {
    return this.#init.url ?? "";
  }
  get errorCode(): number {
    return this.#init.errorCode;
  }
  get errorText(): string {
    return this.#init.errorText ?? "";
  }
}

export interface TrackEventInit extends EventInit {
  receiver: Receiver;
  track: MediaStreamTrack;
  streams?: MediaStream[];
  transceiver: Transceiver;
}

const trackInit = dictionary<Omit<TrackEventInit, keyof EventInit>>({
  receiver: { type: instance(() => Receiver), required: true },
  track: { type: instance(() => MediaStreamTrack), required: true },
  streams: { type: sequence(instance(() => MediaStream)) },
  transceiver: { type: instance(() => Transceiver), required: true },
});

export class TrackEvent extends Event {
  #receiver: Receiver;
  #track: MediaStreamTrack;
  #streams: readonly MediaStream[];
  #transceiver: Transceiver;

  constructor(type: string, init: TrackEventInit) {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 2);
    const { receiver, track, streams = [], transceiver } = eventInit(trackInit, init);
    super(type, init ?? {});
    this.#receiver = receiver;
    this.#track = track;
    this.#streams = Object.freeze(streams);
    this.#transceiver = transceiver;
  }

  get receiver(): Receiver {
    return this.#receiver;
  }
  get track(): MediaStreamTrack {
    return this.#track;
  }
  get streams(): readonly MediaStream[] {
    return this.#streams;
  }
  get transceiver(): Transceiver {
    return this.#transceiver;
  }
}

const channelInit = dictionary<{ channel: DataChannel }>({
  channel: { type: instance(() => DataChannel), required: true },
});

export class DataChannelEvent extends Event {
  #channel: DataChannel;

  constructor(type: string, init: EventInit & { channel: DataChannel }) {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 2);
    const { channel } = eventInit(channelInit, init);
    super(type, init ?? {});
    this.#channel = channel;
  }

  get channel(): DataChannel {
    return this.#channel;
  }
}

const toneInit = dictionary<{ tone?: string }>({ tone: { type: string } });

export class ToneChangeEvent extends Event {
  #tone: string;

  constructor(type: string, init: EventInit & { tone?: string } = {}) {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const { tone = "" } = eventInit(toneInit, init);
    super(type, init ?? {});
    this.#tone = tone;
  }

  get tone(): string {
    return this.#tone;
  }
}

const errorInit = dictionary<RTCErrorInit>({
  errorDetail: {
    type: enumeration<RTCErrorDetailType>(
      "data-channel-failure",
      "dtls-failure",
      "fingerprint-failure",
      "sctp-failure",
      "sdp-syntax-error",
      "hardware-encoder-not-available",
      "hardware-encoder-error",
    ),
    required: true,
  },
  httpRequestStatusCode: { type: long },
  sdpLineNumber: { type: long },
  sctpCauseCode: { type: long },
  receivedAlert: { type: unsignedLong },
  sentAlert: { type: unsignedLong },
});

export class PeerError extends DOMException {
  #init: RTCErrorInit;

  constructor(init: RTCErrorInit, message = "") {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 1);
    const own = errorInit(init, "init");
    super(message, "OperationError");
    this.#init = own;
  }

  get errorDetail(): RTCErrorDetailType {
    return this.#init.errorDetail;
  }
  get httpRequestStatusCode(): number | null {
    return this.#init.httpRequestStatusCode ?? null;
  }
  get sdpLineNumber(): number | null {
    return this.#init.sdpLineNumber ?? null;
  }
  get sctpCauseCode(): number | null {
    return this.#init.sctpCauseCode ?? null;
  }
  get receivedAlert(): number | null {
    return this.#init.receivedAlert ?? null;
  }
  get sentAlert(): number | null {
    return this.#init.sentAlert ?? null;
  }
}

const errorEventInit = dictionary<{ error: PeerError }>({
  error: { type: instance(() => PeerError), required: true },
});

export class PeerErrorEvent extends Event {
  #error: PeerError;

  constructor(type: string, init: EventInit & { error: PeerError }) {
    // biome-ignore lint/complexity/noArguments: their number is what matters.
    needs(arguments, 2);
    const { error } = eventInit(errorEventInit, init);
    super(type, init ?? {});
    this.#error = error;
  }

  get error(): PeerError {
    return this.#error;
  }
}

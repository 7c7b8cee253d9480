// The words spoken with Rust (../DESIGN.md). Types only.

export type Kind = "audio" | "video";
export type Direction = RTCRtpTransceiverDirection;
/** As descriptions name them. */
export type VideoCodecName = "VP8" | "VP9" | "H264";
export type AudioCodecName = "opus" | "PCMU" | "PCMA";

export interface Description {
  type: RTCSdpType;
  sdp: string;
}

/** What an end takes of H.264 (RFC 6184, 8.1). */
export interface H264Level {
  /** `level_idc` */
  level: number;
  /** More macroblocks in a picture, and in a second, than its level has. */
  maxFs?: number;
  maxMbps?: number;
}

export interface TransceiverSnapshot {
  transceiver: number;
  mid: string | null;
  kind: Kind;
  direction: Direction;
  currentDirection: Direction | null;
  stopped: boolean;
  streams: string[];
  trackId: string | null;
  codecs: string[];
  /** What of H.264 the remote takes, if that is agreed on. */
  h264: H264Level | null;
  /** The layers of a simulcast that are offered or agreed on; none for a single encoding. */
  rids: string[];
  /** What is sent: the SSRC of each layer, or that of the one encoding. */
  ssrcs: number[];
}

export interface Snapshot {
  signalingState: RTCSignalingState;
  currentLocal: Description | null;
  pendingLocal: Description | null;
  currentRemote: Description | null;
  pendingRemote: Description | null;
  iceGatheringState: RTCIceGatheringState;
  /** `role`: our end of DTLS, once agreed. */
  sctp: { maxMessageSize: number; role: "client" | "server" | null } | null;
  transceivers: TransceiverSnapshot[];
}

export interface ChannelInit {
  label: string;
  ordered: boolean;
  maxRetransmits?: number;
  maxPacketLifeTime?: number;
  protocol: string;
  negotiated: boolean;
  id?: number;
}

export type Op =
  | { type: "create-offer"; iceRestart?: boolean }
  | { type: "create-answer" }
  | { type: "set-local"; description?: { type: RTCSdpType; sdp?: string } }
  | { type: "set-remote"; description: Description }
  | { type: "add-candidate"; candidate: RTCIceCandidateInit | null }
  | {
      type: "add-transceiver";
      kind: Kind;
      direction: Direction;
      streams: string[];
      trackId?: string;
      /** The layers of a simulcast, as they are to be offered; none for a single encoding. */
      rids?: string[];
      /** Only such a one may be taken by a section of the remote's. */
      byAddTrack?: boolean;
    }
  | { type: "prefer-codecs"; transceiver: number; codecs: string[] }
  | { type: "play-tone"; transceiver: number; tone: string; duration: number }
  | { type: "set-direction"; transceiver: number; direction: Direction }
  | { type: "stop-transceiver"; transceiver: number }
  /** Milliseconds, 0 to 4000; null for as few as the network allows. */
  | { type: "set-jitter-buffer-target"; transceiver: number; target: number | null }
  | {
      type: "set-sender";
      transceiver: number;
      trackId: string | null;
      streams: string[];
      /** `addTrack` does it: rolling the section back must not take the transceiver away. */
      byAddTrack?: boolean;
    }
  | ({ type: "create-channel" } & ChannelInit)
  | { type: "restart-ice" }
  | { type: "set-configuration"; configuration: Configuration }
  /** `after`: the worker's report of this number is to be in it. */
  | { type: "get-stats"; after?: number };

/** What `open` resolves to. */
export interface Opened {
  /** For the media worker. */
  socketUrl: string;
  /** For the page: for its commands, and for the messages of its data channels. */
  controlUrl: string;
  dataUrl: string;
  version: number;
}

/** What the page asks for on the control socket, behind an `id` of its choice. Connections have numbers of its choice, too. */
export type Command =
  | { type: "create"; pc: number; configuration: Configuration }
  | { type: "run"; pc: number; op: Op }
  | { type: "close"; pc: number }
  | { type: "generate-certificate"; request: { expires: number; pkcs8?: number[] } };

/** What Rust says on the control socket: replies by their `id`, and events. */
export type Word =
  | { id: number; value: unknown }
  | { id: number; error: { name: string; message: string } }
  | { event: PeerEvent };

/** What `create` takes: certificates by the numbers that `generate-certificate` gave them. */
export type Configuration = Omit<RTCConfiguration, "certificates"> & {
  certificates: number[];
  /** The canonical name of our end (RFC 3550). */
  cname?: string;
  /** The video that this webview can encode and decode. */
  codecs?: VideoCodecName[];
};

/** What `generate-certificate` resolves to. */
export interface CertificateInfo {
  certificate: number;
  /** Milliseconds since 1970. */
  expires: number;
  fingerprints: { algorithm: string; value: string }[];
}

/** What Rust tells a connection on the control socket. */
export type PeerEvent =
  | { type: "ice-candidate"; pc: number; candidate: RTCIceCandidateInit | null }
  /** A server gave no candidate: a STUN error code, or 701 where it could not be reached. */
  | { type: "ice-candidate-error"; pc: number; url: string; errorCode: number; errorText: string }
  | { type: "ice-gathering-state"; pc: number; state: RTCIceGatheringState }
  | { type: "ice-connection-state"; pc: number; state: RTCIceConnectionState }
  | { type: "connection-state"; pc: number; state: RTCPeerConnectionState }
  | { type: "dtls-state"; pc: number; state: RTCDtlsTransportState }
  | { type: "sctp-state"; pc: number; state: "connected" | "closed" }
  | {
      type: "transport";
      pc: number;
      /** The selected candidates as attribute values. */
      pair: { local: string; remote: string } | null;
      /** The remote's certificates: DER in Base64. */
      certificates: string[];
      maxChannels: number | null;
    };

/** What Rust tells about data channels over the socket, in order with their messages. */
export type ChannelEvent =
  | {
      type: "channel";
      pc: number;
      channel: number;
      label: string;
      ordered: boolean;
      maxRetransmits: number | null;
      maxPacketLifeTime: number | null;
      protocol: string;
      id: number | null;
    }
  | {
      type: "channel-state";
      pc: number;
      channel: number;
      state: RTCDataChannelState;
      id: number | null;
      /** With `closed`: the remote ended the whole connection. */
      aborted: boolean;
    }
  | { type: "flow"; pc: number; channel: number; amount: number };

/** Text from Rust to the worker. */
export type ToWorker =
  | { type: "key-frame"; pc: number; transceiver: number; layer: number }
  | { type: "target"; pc: number; transceiver: number; layer: number; bitrate: number };

/** What is done to a microphone's samples (mediacapture-streams). */
export interface Processing {
  echoCancellation: boolean;
  noiseSuppression: boolean;
  autoGainControl: boolean;
}

/** Text from the worker to Rust. */
export type FromWorker =
  | ({ type: "audio-source"; source: number } & Processing)
  | { type: "audio-enabled"; source: number; enabled: boolean }
  | { type: "audio-gone"; source: number }
  | {
      type: "audio-send";
      source: number;
      pc: number;
      transceiver: number;
      active: boolean;
      maxBitrate: number | null;
      /** Until something is agreed on, Opus. */
      codec: AudioCodecName | null;
    }
  | { type: "audio-stop"; pc: number; transceiver: number }
  | { type: "key-frame-wanted"; pc: number; transceiver: number }
  | {
      type: "voice-transform";
      pc: number;
      transceiver: number;
      side: "send" | "receive";
      active: boolean;
    }
  /** All of the report that the page asked for by this number has been said. */
  | { type: "reported"; report: number }
  | { type: "pipeline"; pc: number; transceiver: number; side: "send" | "receive"; stats: PipelineStats };

/** Text from the page to Rust, among the messages of its data channels. */
export interface FromPage {
  type: "close-channel";
  pc: number;
  channel: number;
}

/** Members as webrtc-stats names and measures them. */
export interface PipelineStats {
  rtp: Record<string, number | boolean | string | Record<string, number>>;
  source?: Record<string, number>;
  /** Bits per second beyond which an encoder has no use for more. */
  wanted?: number;
  /** Of which encoding this is; 0 if absent. */
  layer?: number;
}

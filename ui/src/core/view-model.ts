/**
 * All that the view sees, and all that it can press. The view holds no state of its own but focus, hover and drags.
 * It also sets `document.title` and `<html lang>`; a host that has a window title of its own copies it from there.
 */
import type { RoomLink } from "./link";
import type { StreamHandle } from "./ports";
import type { Alarm } from "./seal/channel";
import type { RoomCode } from "./seal/code";

export type Lang = "en" | "zh-CN";
export type ThemeChoice = "system" | "light" | "dark";

export interface AppView {
  readonly screen: Screen;
  readonly settings: Settings;
  readonly host: "desktop" | "web";
  readonly version: string;
  /** A short sentence that confirms the last action ("Link copied"), or null. Announced politely. */
  readonly notice: Notice | null;
}

export interface Settings {
  readonly lang: Lang;
  readonly theme: ThemeChoice;
  readonly name: string;
  readonly server: string | null;
  /** A sound when somebody's connection is lost, and when it is back. */
  readonly sounds: boolean;
}

export type Notice = {
  readonly id: number;
  readonly word:
    | "link-copied"
    | "link-copy-failed"
    | "device-changed"
    | "microphone-hushed"
    | "camera-hushed";
};

export type Screen =
  | {
      readonly at: "home";
      readonly recent: readonly RecentRoom[];
      readonly problem: HomeProblem | null;
      readonly server: string | null;
    }
  | { readonly at: "lobby"; readonly lobby: LobbyView }
  | { readonly at: "call"; readonly call: CallView }
  | { readonly at: "after"; readonly after: AfterView }
  | { readonly at: "trouble"; readonly trouble: TroubleView };

export type HomeProblem = "bad-link" | "bad-server" | "no-server";

export interface RecentRoom {
  readonly link: RoomLink;
  /** Milliseconds since the Unix epoch. */
  readonly lastAt: number;
  /** Names of those who were there. */
  readonly people: readonly string[];
}

export interface LobbyView {
  readonly link: RoomLink;
  readonly roomLabel: string;
  readonly devices: DevicesView;
  readonly preview: StreamHandle | null;
  /** 0 to 1, for the meter; null while the microphone is off or missing. */
  readonly micLevel: number | null;
  readonly joining: boolean;
  /**
   * The server does not answer yet, or somebody inside is to let us in; shown as a quiet line beside the button.
   */
  readonly waiting: "unreachable" | "knocking" | null;
  /** The link has a secret: the server will see and hear nothing. */
  readonly sealed: boolean;
}

export interface DevicesView {
  readonly microphone: DeviceView;
  readonly camera: DeviceView;
  /** Null where the webview cannot choose one. */
  readonly speaker: DeviceView | null;
}

export interface DeviceView {
  /** What the person wants. */
  readonly on: boolean;
  readonly state: "off" | "starting" | "live" | "failed";
  readonly problem: DeviceProblem | null;
  readonly choices: readonly DeviceChoice[];
  readonly chosen: string | null;
}

export type DeviceProblem = "denied" | "missing" | "busy" | "insecure" | "unknown";

export interface DeviceChoice {
  readonly deviceId: string;
  readonly label: string;
}

export interface CallView {
  readonly link: RoomLink;
  readonly roomLabel: string;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  /** The others, in the order they sat down; never oneself. */
  readonly tiles: readonly TileView[];
  readonly self: TileView;
  /** 0 to 1, for the ring around the microphone button; null while nothing is sent. */
  readonly micLevel: number | null;
  readonly devices: DevicesView;
  readonly connection: ConnectionView;
  readonly shield: ShieldView;
  /** Names of those at the door, the first one first; an empty name for who gave none. */
  readonly knocks: readonly string[];
  /** More people are here than a mesh carries well. */
  readonly crowded: boolean;
}

export type ConnectionView =
  | { readonly is: "live" }
  | { readonly is: "joining" }
  | { readonly is: "reconnecting"; readonly retryAt: number | null };

/** Whether anybody but those in the call can listen. */
export interface ShieldView {
  /**
   * `sealed`: all who are here have shown the room's key; `stranger`: somebody has not, and gets nothing; `tampered`:
   * somebody meddled with the messages, in vain; `open`: a room without a key, where the server could listen.
   */
  readonly is: "sealed" | "stranger" | "tampered" | "open";
  readonly strangers: number;
  readonly alarms: readonly Alarm[];
  /** The same on every screen. Null while nobody else is here, or while it is made. */
  readonly code: RoomCode | null;
}

export interface TileView {
  readonly peerId: string;
  readonly name: string;
  readonly self: boolean;
  readonly video: StreamHandle | null;
  readonly audio: StreamHandle | null;
  readonly audioMuted: boolean;
  readonly videoMuted: boolean;
  readonly speaking: boolean;
  /**
   * `connecting`: no media yet; `live`; `away`: their socket dropped, media may flow; `reconnecting`: no media now;
   * `no-key`: one who has not shown the room's key, so that there is no media and never was.
   */
  readonly link: "connecting" | "live" | "away" | "reconnecting" | "failed" | "no-key";
  readonly quality: "good" | "fair" | "poor";
}

export interface AfterView {
  readonly link: RoomLink;
  readonly roomLabel: string;
  readonly seconds: number;
  readonly people: readonly string[];
  readonly quality: "good" | "fair" | "poor";
}

export interface TroubleView {
  readonly code: TroubleCode;
  readonly link: RoomLink | null;
}

export type TroubleCode =
  | "unreachable"
  | "full"
  | "locked"
  | "denied"
  | "kicked"
  | "ended"
  | "taken-over"
  | "unauthorized"
  | "token-expired"
  | "version"
  | "flooding"
  | "bad-join"
  | "no-peer-connection"
  | "no-cryptography";

/** Everything a person can press. `core/commands.ts` gives each its id, key, name and icon. */
export interface Actions {
  startRoom(): void;
  /** A link, or a code on the default server. */
  openLink(text: string): void;
  openRoom(link: RoomLink): void;
  forgetRoom(link: RoomLink): void;
  setServer(text: string): void;
  setName(name: string): void;
  setLang(lang: Lang): void;
  setTheme(theme: ThemeChoice): void;
  setSounds(on: boolean): void;
  join(): void;
  leave(): void;
  rejoin(): void;
  goHome(): void;
  toggleMicrophone(): void;
  toggleCamera(): void;
  /** Push-to-talk: true while held. */
  holdToTalk(held: boolean): void;
  chooseDevice(kind: "microphone" | "camera" | "speaker", deviceId: string): void;
  retryDevice(kind: "microphone" | "camera"): void;
  testSpeaker(): void;
  copyLink(): void;
  /** To the first at the door. */
  answerKnock(admit: boolean): void;
  dismissNotice(): void;
  /** Shows a stream in an element until the returned function is called. Only `media/` knows how. */
  attach(element: HTMLMediaElement, stream: StreamHandle): () => void;
}

/** Svelte's store contract: calls back at once, and then on every change. */
export interface Readable<T> {
  subscribe(listener: (value: T) => void): () => void;
}

/** Every screen in every state worth looking at. */
import type {
  AppView,
  CallView,
  DeviceProblem,
  DevicesView,
  DeviceView,
  Lang,
  LobbyView,
  Screen,
  ShieldView,
  ThemeChoice,
  TileView,
  TroubleCode,
} from "../../core/view-model";

export interface Dress {
  readonly lang: Lang;
  readonly theme: ThemeChoice;
  readonly host: "desktop" | "web";
}

const link = { server: "https://snug.example.org", roomId: "kqf-mwrt-hvz", secret: "q2Jx7Yt0b1mF9cKe4LpZ8w" };
const hour = 3_600_000;

const people = [
  "Ada Lindqvist",
  "陈思远",
  "Bo",
  "Marguerite Delacroix-Beaumont",
  "王小明",
  "Ines",
  "Tomás",
  "Yuki",
  "Priya",
  "Sam",
  "Lena",
  "刘芳",
];

function device(kind: string, names: readonly string[], change: Partial<DeviceView> = {}): DeviceView {
  return {
    on: true,
    state: "live",
    problem: null,
    choices: names.map((label, index) => ({ deviceId: `${kind}-${index}`, label })),
    chosen: names.length > 0 ? `${kind}-0` : null,
    ...change,
  };
}

const devices: DevicesView = {
  microphone: device("mic", ["Built-in microphone", "Jabra Link 380", "Yeti Stereo Microphone"]),
  camera: device("cam", ["Integrated camera (04f2:b6d9)", "Logitech BRIO"]),
  speaker: device("out", ["Built-in speakers", "Jabra Link 380"]),
};

function tile(index: number, change: Partial<TileView> = {}): TileView {
  return {
    peerId: `p${index}`,
    name: people[index] ?? "",
    self: false,
    video: { streamId: `video-${index}` },
    audio: null,
    audioMuted: false,
    videoMuted: false,
    speaking: false,
    link: "live",
    quality: "good",
    ...change,
  };
}

const shield: ShieldView = {
  is: "sealed",
  strangers: 0,
  alarms: [],
  code: { pictures: ["anchor", "cherry", "rocket", "snail", "umbrella", "cat"], digits: "048213" },
};

const self = tile(11, { peerId: "me", name: "Robin", self: true, video: { streamId: "video-me" } });

function call(others: number, change: Partial<CallView> = {}): Screen {
  const tiles = Array.from({ length: others }, (_, index) => tile(index));
  return {
    at: "call",
    call: {
      link,
      roomLabel: link.roomId,
      since: Date.now() - 24 * 60_000 - 7_000,
      tiles,
      self,
      micLevel: 0.3,
      knocks: [],
      devices,
      connection: { is: "live" },
      shield: others === 0 ? { ...shield, code: null } : shield,
      crowded: false,
      ...change,
    },
  };
}

function lobby(change: Partial<LobbyView> = {}): Screen {
  return {
    at: "lobby",
    lobby: {
      link,
      roomLabel: link.roomId,
      devices,
      preview: { streamId: "video-me" },
      micLevel: 0.35,
      joining: false,
      waiting: null,
      sealed: true,
      ...change,
    },
  };
}

function lobbyFailing(problem: DeviceProblem): Screen {
  const failed = { state: "failed", problem, choices: [], chosen: null } as const;
  return lobby({
    preview: null,
    micLevel: null,
    devices: {
      ...devices,
      camera: { ...devices.camera, ...failed },
      microphone: { ...devices.microphone, ...failed },
    },
  });
}

const recent = [
  { link, lastAt: Date.now() - 2 * hour, people: ["Ada Lindqvist", "陈思远"] },
  {
    link: { ...link, roomId: "book-club" },
    lastAt: Date.now() - 26 * hour,
    people: ["Bo", "Ines", "Tomás", "Priya"],
  },
  { link: { ...link, roomId: "tpw-nnkd-ryb" }, lastAt: Date.now() - 12 * 24 * hour, people: [] },
];

const troubles: readonly TroubleCode[] = [
  "unreachable",
  "full",
  "locked",
  "denied",
  "kicked",
  "ended",
  "taken-over",
  "unauthorized",
  "token-expired",
  "version",
  "flooding",
  "bad-join",
  "no-peer-connection",
  "no-cryptography",
];

const problems: readonly DeviceProblem[] = ["denied", "missing", "busy", "insecure", "unknown"];

const off = { on: false, state: "off" } as const;

const all: Readonly<Record<string, () => Screen>> = {
  home: () => ({ at: "home", recent, problem: null, server: link.server }),
  "home-empty": () => ({ at: "home", recent: [], problem: null, server: link.server }),
  "home-bad-link": () => ({ at: "home", recent, problem: "bad-link", server: link.server }),
  "home-no-server": () => ({ at: "home", recent: [], problem: "no-server", server: null }),
  lobby: () => lobby(),
  "lobby-off": () =>
    lobby({
      preview: null,
      micLevel: null,
      devices: {
        ...devices,
        camera: { ...devices.camera, ...off },
        microphone: { ...devices.microphone, ...off },
        speaker: null,
      },
    }),
  "lobby-starting": () =>
    lobby({ preview: null, devices: { ...devices, camera: { ...devices.camera, state: "starting" } } }),
  "lobby-waiting": () => lobby({ joining: true, waiting: "unreachable" }),
  "lobby-open": () => lobby({ link: { ...link, secret: null }, sealed: false }),
  "lobby-knocking": () => lobby({ joining: true, waiting: "knocking" }),
  ...Object.fromEntries(problems.map((problem) => [`lobby-${problem}`, () => lobbyFailing(problem)])),
  "call-1": () => call(0),
  "call-2": () => call(1, { tiles: [tile(0, { speaking: true })] }),
  "call-2-off": () =>
    call(1, {
      tiles: [tile(0, { video: null, videoMuted: true, audioMuted: true })],
      self: { ...self, audioMuted: true, video: null, videoMuted: true },
      micLevel: null,
      devices: {
        ...devices,
        camera: { ...devices.camera, ...off },
        microphone: { ...devices.microphone, state: "failed", problem: "missing", choices: [] },
      },
    }),
  "call-2-tall": () => call(1, { tiles: [tile(0, { video: { streamId: "tall-0" } })] }),
  "call-2-reconnecting": () =>
    call(1, {
      tiles: [tile(0, { link: "reconnecting" })],
      connection: { is: "reconnecting", retryAt: null },
    }),
  "call-2-open": () => call(1, { shield: { ...shield, is: "open", code: null } }),
  "call-3-stranger": () =>
    call(2, {
      tiles: [tile(0), tile(1, { name: "", video: null, videoMuted: true, link: "no-key" })],
      shield: { ...shield, is: "stranger", strangers: 1 },
    }),
  "call-2-shield": () => call(1),
  "call-1-shield": () => call(0),
  "call-2-tampered": () =>
    call(1, { shield: { ...shield, is: "tampered", alarms: ["forged", "replayed", "fingerprint"] } }),
  "call-2-doctor": () => call(1),
  "call-2-timeline": () => call(1),
  "lobby-doctor": () => lobby(),
  "lobby-doctor-running": () => lobby(),
  "lobby-doctor-well": () => lobby(),
  "call-2-knock": () => call(1, { knocks: ["Marguerite Delacroix-Beaumont"] }),
  "call-3-knocks": () => call(2, { knocks: ["陈思远", "", "Bo"] }),
  ...Object.fromEntries(
    [3, 4, 5, 6, 7, 8, 9, 12].map((count) => [
      `call-${count}`,
      () => call(count - 1, { crowded: count > 6 }),
    ]),
  ),
  "call-states": () =>
    call(0, {
      tiles: [
        tile(0, { speaking: true }),
        tile(1, { audioMuted: true, video: null }),
        tile(2, { link: "reconnecting" }),
        tile(3, { quality: "poor", audioMuted: true }),
        tile(4, { link: "connecting", video: null }),
        tile(5, { link: "away", quality: "fair" }),
        tile(6, { link: "failed", video: null }),
        tile(7, { quality: "fair" }),
      ],
    }),
  after: () => ({
    at: "after",
    after: {
      link,
      roomLabel: link.roomId,
      seconds: 3_900,
      people: ["Ada Lindqvist", "陈思远"],
      quality: "good",
    },
  }),
  "after-alone": () => ({
    at: "after",
    after: { link, roomLabel: link.roomId, seconds: 42, people: [], quality: "good" },
  }),
  ...Object.fromEntries(
    troubles.map((code) => [`trouble-${code}`, (): Screen => ({ at: "trouble", trouble: { code, link } })]),
  ),
};

export const screens: readonly string[] = Object.keys(all);

/** What is pressed on a screen before it is looked at, by its command. */
export const presses: Readonly<Record<string, string>> = {
  "call-1-shield": "shield",
  "call-2-shield": "shield",
  "call-2-open": "shield",
  "call-2-tampered": "shield",
  "call-2-doctor": "doctor",
  "call-2-timeline": "doctor",
  "lobby-doctor": "doctor",
  "lobby-doctor-running": "doctor",
  "lobby-doctor-well": "doctor",
};

export function viewOf(name: string, dress: Dress): AppView {
  const screen = all[name]?.();
  if (screen === undefined) throw new Error(`the gallery has no screen ${name}`);
  return {
    screen,
    settings: { lang: dress.lang, theme: dress.theme, name: "Robin", server: null, sounds: true },
    host: dress.host,
    version: "0.1.0",
    notice: null,
  };
}

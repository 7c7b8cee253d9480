/** Everything a person can press without naming a thing first: one entry each for its name, key, icon and effect. */
import type { Actions, Screen, TroubleCode } from "./view-model";

export type ScreenName = Screen["at"];

export type CommandId =
  | "start-room"
  | "open-link"
  | "settings"
  | "join"
  | "microphone"
  | "camera"
  | "hold-to-talk"
  | "test-speaker"
  | "retry-microphone"
  | "retry-camera"
  | "copy-link"
  | "shield"
  | "admit"
  | "deny"
  | "leave"
  | "rejoin"
  | "home"
  | "doctor"
  | "keys";

/** Names of lucide icons; `view/icons.ts` holds the drawings. */
export type IconName =
  | "arrow-right"
  | "check"
  | "door-open"
  | "house"
  | "keyboard"
  | "link"
  | "log-in"
  | "mic"
  | "mic-off"
  | "phone"
  | "rotate-cw"
  | "settings"
  | "shield"
  | "stethoscope"
  | "video"
  | "video-off"
  | "volume-2"
  | "x";

/** Keys of `Words["commands"]`. */
export type CommandWord =
  | Exclude<CommandId, "microphone" | "camera">
  | "microphone-on"
  | "microphone-off"
  | "camera-on"
  | "camera-off";

export interface Command {
  readonly id: CommandId;
  readonly on: readonly ScreenName[];
  /** `mod` is Command on a Mac and Control elsewhere: `mod+shift+h`. Null: reached by Tab alone. */
  readonly key: string | null;
  readonly icon: IconName;
  readonly word: CommandWord;
  /** The icon and the name of a switch that is on now: what pressing it does changes. */
  readonly whenOn?: { readonly icon: IconName; readonly word: CommandWord };
  /** Absent where the view itself answers (it opens a panel, submits a field, or watches a key being held). */
  readonly press?: (actions: Actions) => void;
}

const everywhere: readonly ScreenName[] = ["home", "lobby", "call", "after", "trouble"];

const list: readonly Command[] = [
  {
    id: "start-room",
    on: ["home"],
    key: "mod+enter",
    icon: "door-open",
    word: "start-room",
    press: (actions) => actions.startRoom(),
  },
  { id: "open-link", on: ["home"], key: null, icon: "arrow-right", word: "open-link" },
  { id: "settings", on: ["home"], key: "mod+comma", icon: "settings", word: "settings" },
  {
    id: "join",
    on: ["lobby"],
    key: "mod+enter",
    icon: "log-in",
    word: "join",
    press: (actions) => actions.join(),
  },
  {
    id: "microphone",
    on: ["lobby", "call"],
    key: "mod+d",
    icon: "mic-off",
    word: "microphone-on",
    whenOn: { icon: "mic", word: "microphone-off" },
    press: (actions) => actions.toggleMicrophone(),
  },
  {
    id: "camera",
    on: ["lobby", "call"],
    key: "mod+e",
    icon: "video-off",
    word: "camera-on",
    whenOn: { icon: "video", word: "camera-off" },
    press: (actions) => actions.toggleCamera(),
  },
  { id: "hold-to-talk", on: ["call"], key: "space", icon: "mic", word: "hold-to-talk" },
  {
    id: "test-speaker",
    on: ["lobby"],
    key: null,
    icon: "volume-2",
    word: "test-speaker",
    press: (actions) => actions.testSpeaker(),
  },
  {
    id: "retry-microphone",
    on: ["lobby", "call"],
    key: null,
    icon: "rotate-cw",
    word: "retry-microphone",
    press: (actions) => actions.retryDevice("microphone"),
  },
  {
    id: "retry-camera",
    on: ["lobby", "call"],
    key: null,
    icon: "rotate-cw",
    word: "retry-camera",
    press: (actions) => actions.retryDevice("camera"),
  },
  {
    id: "copy-link",
    on: ["lobby", "call"],
    key: "mod+shift+l",
    icon: "link",
    word: "copy-link",
    press: (actions) => actions.copyLink(),
  },
  { id: "shield", on: ["call"], key: "mod+shift+s", icon: "shield", word: "shield" },
  {
    id: "admit",
    on: ["call"],
    key: "mod+shift+y",
    icon: "check",
    word: "admit",
    press: (actions) => actions.answerKnock(true),
  },
  {
    id: "deny",
    on: ["call"],
    key: "mod+shift+u",
    icon: "x",
    word: "deny",
    press: (actions) => actions.answerKnock(false),
  },
  {
    id: "leave",
    on: ["call"],
    key: "mod+shift+h",
    icon: "phone",
    word: "leave",
    press: (actions) => actions.leave(),
  },
  {
    id: "rejoin",
    on: ["after", "trouble"],
    key: "mod+enter",
    icon: "rotate-cw",
    word: "rejoin",
    press: (actions) => actions.rejoin(),
  },
  {
    id: "home",
    on: ["lobby", "after", "trouble"],
    key: "escape",
    icon: "house",
    word: "home",
    press: (actions) => actions.goHome(),
  },
  { id: "doctor", on: ["lobby", "call", "trouble"], key: "mod+shift+e", icon: "stethoscope", word: "doctor" },
  { id: "keys", on: everywhere, key: "mod+slash", icon: "keyboard", word: "keys" },
];

export const commands: Readonly<Record<CommandId, Command>> = Object.fromEntries(
  list.map((command) => [command.id, command]),
) as Record<CommandId, Command>;

export function commandsOn(screen: ScreenName): readonly Command[] {
  return list.filter((command) => command.on.includes(screen));
}

/** The one useful button of each trouble page. */
export const wayOn: Readonly<Record<TroubleCode, "rejoin" | "home">> = {
  unreachable: "rejoin",
  full: "rejoin",
  locked: "rejoin",
  denied: "home",
  kicked: "home",
  ended: "home",
  "taken-over": "rejoin",
  unauthorized: "home",
  "token-expired": "home",
  version: "home",
  flooding: "rejoin",
  "bad-join": "home",
  "no-peer-connection": "home",
  "no-cryptography": "home",
};

/** What the registry needs of a `KeyboardEvent`. */
export interface Stroke {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

/** The spelling of `Command.key` for a stroke, or null for a lone modifier. */
export function spell(stroke: Stroke, mac: boolean): string | null {
  const name = keyName(stroke);
  if (name === null || stroke.altKey) return null;
  const mod = mac ? stroke.metaKey : stroke.ctrlKey;
  if (mac ? stroke.ctrlKey : stroke.metaKey) return null;
  return `${mod ? "mod+" : ""}${stroke.shiftKey ? "shift+" : ""}${name}`;
}

export function commandAt(screen: ScreenName, key: string): Command | null {
  return commandsOn(screen).find((command) => command.key === key) ?? null;
}

/** As people read it: `Ctrl+Shift+H`, or `⇧⌘H` on a Mac. */
export function keyText(key: string, mac: boolean): string {
  const parts = key.split("+");
  const last = parts.at(-1) ?? "";
  const plain = last.length === 1 ? last.toUpperCase() : (shown[last] ?? last);
  if (!mac)
    return [...parts.slice(0, -1).map((part) => (part === "mod" ? "Ctrl" : "Shift")), plain].join("+");
  return `${parts.includes("shift") ? "⇧" : ""}${parts.includes("mod") ? "⌘" : ""}${plain}`;
}

/** As `aria-keyshortcuts` wants it: `Control+Shift+H`. */
export function keyAria(key: string, mac: boolean): string {
  const names: Record<string, string> = {
    mod: mac ? "Meta" : "Control",
    shift: "Shift",
    comma: ",",
    slash: "/",
  };
  return key
    .split("+")
    .map((part) => names[part] ?? part.charAt(0).toUpperCase() + part.slice(1))
    .join("+");
}

const shown: Readonly<Record<string, string>> = {
  enter: "Enter",
  escape: "Esc",
  space: "Space",
  comma: ",",
  slash: "/",
};

const named: Readonly<Record<string, string>> = { " ": "space", ",": "comma", "/": "slash", "?": "slash" };

function keyName(stroke: Stroke): string | null {
  if (["Control", "Meta", "Shift", "Alt"].includes(stroke.key)) return null;
  const name = named[stroke.key];
  if (name !== undefined) return name;
  if (/^[a-z]$/i.test(stroke.key)) return stroke.key.toLowerCase();
  // A layout without Latin letters still has the key at the place the letter is printed on.
  const letter = /^Key([A-Z])$/.exec(stroke.code)?.[1];
  return letter?.toLowerCase() ?? stroke.key.toLowerCase();
}

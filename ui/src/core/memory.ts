/** What is remembered from one start to the next. It is read as a stranger's: a file may be old, cut or edited. */
import { formatLink, parseLink, parseServer, type RoomLink, sameRoom } from "./link";
import type { DevicesWish, DeviceWish, Storage } from "./ports";
import type { Lang, RecentRoom, Settings, ThemeChoice } from "./view-model";

export interface Memory {
  readonly settings: Settings;
  readonly recent: readonly RecentRoom[];
  readonly devices: DevicesWish;
}

export type MemoryKey = keyof Memory;

/** `languages`: the system's, most wanted first (BCP 47). */
export function recall(storage: Storage, languages: readonly string[]): Memory {
  const settings = record(storage.read("settings"));
  const devices = record(storage.read("devices"));
  return {
    settings: {
      lang: oneOf<Lang>(settings.lang, ["en", "zh-CN"]) ?? languageOf(languages),
      theme: oneOf<ThemeChoice>(settings.theme, ["system", "light", "dark"]) ?? "system",
      name: text(settings.name, MAX_NAME) ?? "",
      server: readServer(settings.server),
      sounds: typeof settings.sounds === "boolean" ? settings.sounds : true,
    },
    recent: list(storage.read("recent")).flatMap(readRecent).slice(0, MAX_RECENT),
    devices: {
      microphone: readDevice(devices.microphone),
      camera: readDevice(devices.camera),
      speaker: text(devices.speaker, MAX_ID),
    },
  };
}

/** As it is stored: links as text, so that what is read back passes through the same gate as a pasted one. */
export function toStored(memory: Memory, key: MemoryKey): unknown {
  switch (key) {
    case "settings":
      return memory.settings;
    case "devices":
      return memory.devices;
    case "recent":
      return memory.recent.map(({ link, lastAt, people }) => ({ link: formatLink(link), lastAt, people }));
  }
}

export function remember(recent: readonly RecentRoom[], room: RecentRoom): readonly RecentRoom[] {
  return [room, ...forget(recent, room.link)].slice(0, MAX_RECENT);
}

export function forget(recent: readonly RecentRoom[], link: RoomLink): readonly RecentRoom[] {
  return recent.filter((room) => !sameRoom(room.link, link));
}

export const MAX_NAME = 64;
const MAX_RECENT = 12;
const MAX_ID = 256;

function readRecent(value: unknown): RecentRoom[] {
  const { link, lastAt, people } = record(value);
  const parsed = typeof link === "string" ? parseLink(link, null) : null;
  if (parsed === null || !parsed.ok || typeof lastAt !== "number" || !Number.isFinite(lastAt)) return [];
  return [{ link: parsed.value, lastAt, people: list(people).flatMap((name) => text(name, MAX_NAME) ?? []) }];
}

function readDevice(value: unknown): DeviceWish {
  const { on, deviceId } = record(value);
  return { on: typeof on === "boolean" ? on : true, deviceId: text(deviceId, MAX_ID) };
}

function readServer(value: unknown): string | null {
  const parsed = typeof value === "string" ? parseServer(value) : null;
  return parsed?.ok === true ? parsed.value : null;
}

function languageOf(languages: readonly string[]): Lang {
  for (const language of languages) {
    if (/^zh\b/i.test(language)) return "zh-CN";
    if (/^en\b/i.test(language)) return "en";
  }
  return "en";
}

function oneOf<T extends string>(value: unknown, choices: readonly T[]): T | null {
  return choices.find((choice) => choice === value) ?? null;
}

function text(value: unknown, max: number): string | null {
  return typeof value === "string" && value.length <= max ? value : null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/**
 * The page: which screen it shows and what leads from one to the next.
 *
 * ```text
 *   home --start, open--> lobby --join--> (joining) --joined--> call --leave--> after --rejoin--> lobby (joining)
 *     ^                     |                 |                  |                |
 *     +-------- home -------+      ended -----+------ ended -----+--> trouble     +-- home
 * ```
 * A screen carries its own data, so that leaving it forgets them. Wishes that follow from the state as a whole (open
 * devices, what is stored, what the room is told about mute) are not said by each event but derived from what changed.
 */
import type { EndReason } from "../generated/EndReason";
import type { MediaKind } from "../generated/MediaKind";
import type { SessionEvent } from "../generated/SessionEvent";
import {
  type Aside,
  type Call,
  type CallEffect,
  type CallEvent,
  overallQuality,
  startCall,
  updateCall,
} from "./call";
import { type Chime, chimeOf } from "./chime";
import { type Devices, effectiveWish, mutedKinds, newDevices, updateDevices } from "./devices";
import {
  formatOwnLink,
  type LinkProblem,
  makeLink,
  parseLink,
  parseServer,
  type RoomLink,
  sameRoom,
} from "./link";
import { forget, MAX_NAME, type Memory, type MemoryKey, remember, toStored } from "./memory";
import type { DevicesWish, JoinRequest, MediaEvent } from "./ports";
import type { Quality } from "./quality";
import type { Roster } from "./roster";
import type { HomeProblem, Lang, Notice, RecentRoom, Settings, ThemeChoice, TroubleCode } from "./view-model";

export interface App {
  readonly screen: Screen;
  readonly settings: Settings;
  readonly recent: readonly RecentRoom[];
  readonly devices: Devices;
  readonly notice: Notice | null;
  readonly setup: Setup;
}

/** What this start brought along. */
export interface Setup {
  readonly defaultServer: string | null;
  /** Of this page, from its start to its end; others find its media link again by it. */
  readonly identity: string;
}

export type Screen =
  | { readonly at: "home"; readonly problem: HomeProblem | null }
  | {
      readonly at: "lobby";
      readonly link: RoomLink;
      readonly joining: Joining | null;
      readonly level: number | null;
    }
  | { readonly at: "call"; readonly call: Call }
  | {
      readonly at: "after";
      readonly link: RoomLink;
      readonly seconds: number;
      readonly people: readonly string[];
      readonly quality: Quality;
    }
  | { readonly at: "trouble"; readonly code: TroubleCode; readonly link: RoomLink | null };

export interface Joining {
  readonly joinId: string;
  readonly unreachable: boolean;
  /** At the door of a room with a lobby. */
  readonly knocking: boolean;
}

export type AppEvent =
  | { readonly type: "start-room"; readonly random: Uint8Array }
  | { readonly type: "open-text"; readonly text: string }
  | { readonly type: "open-link"; readonly link: RoomLink }
  | { readonly type: "bad-link"; readonly problem: LinkProblem }
  /** Without a lobby: `snug --join`, or the way back from `after`. */
  | { readonly type: "join-link"; readonly link: RoomLink; readonly joinId: string }
  | { readonly type: "forget-room"; readonly link: RoomLink }
  | { readonly type: "set-server"; readonly text: string }
  | { readonly type: "set-name"; readonly name: string }
  | { readonly type: "set-lang"; readonly lang: Lang }
  | { readonly type: "set-theme"; readonly theme: ThemeChoice }
  | { readonly type: "set-sounds"; readonly on: boolean }
  | { readonly type: "join"; readonly joinId: string }
  | { readonly type: "rejoin"; readonly joinId: string }
  | { readonly type: "leave"; readonly now: number }
  | { readonly type: "go-home"; readonly now: number }
  | { readonly type: "toggle"; readonly kind: "microphone" | "camera" }
  | { readonly type: "talk"; readonly held: boolean }
  | {
      readonly type: "choose-device";
      readonly kind: "microphone" | "camera" | "speaker";
      readonly deviceId: string;
    }
  | { readonly type: "retry-device"; readonly kind: "microphone" | "camera" }
  | { readonly type: "notify"; readonly word: Notice["word"] }
  | { readonly type: "dismiss-notice" }
  | { readonly type: "answer-knock"; readonly admit: boolean }
  | { readonly type: "no-peer-connection" }
  /** This page cannot keep a room sealed. */
  | { readonly type: "no-cryptography" }
  | {
      readonly type: "session";
      readonly joinId: string;
      readonly event: SessionEvent;
      /** Null in a room without a key. */
      readonly aside: Aside | null;
      readonly now: number;
    }
  | { readonly type: "code"; readonly gathered: string; readonly bytes: Uint8Array }
  | { readonly type: "media"; readonly event: MediaEvent };

export type Effect =
  | CallEffect
  /** With `seal`, the request's name is to be the sealed one; there is no way to join a sealed room without its key. */
  | { readonly do: "join"; readonly request: JoinRequest; readonly seal: Sealing | null }
  | { readonly do: "leave" }
  | { readonly do: "wish"; readonly wish: DevicesWish | null }
  /** Tries the devices again although the wish is the same. */
  | { readonly do: "retry-devices" }
  | { readonly do: "chime"; readonly chime: Chime }
  | { readonly do: "save"; readonly key: MemoryKey; readonly value: unknown }
  | { readonly do: "show-link"; readonly link: RoomLink | null };

export interface Sealing {
  readonly secret: string;
  /** Empty where there is none to be told. */
  readonly name: string;
}

type Step = readonly [App, readonly Effect[]];

export function newApp(memory: Memory, setup: Setup): App {
  return {
    screen: { at: "home", problem: null },
    settings: memory.settings,
    recent: memory.recent,
    devices: newDevices(memory.devices),
    notice: null,
    setup,
  };
}

export function update(app: App, event: AppEvent): Step {
  const [stepped, effects] = step(app, event);
  const [next, told] = tellMutes(app, stepped);
  return [next, [...effects, ...derived(app, next, told)]];
}

/** Where new rooms are made. */
export function serverOf({ settings, setup }: App): string | null {
  return settings.server ?? setup.defaultServer;
}

/** The room that the screen is about. */
export function linkOf(screen: Screen): RoomLink | null {
  switch (screen.at) {
    case "home":
      return null;
    case "call":
      return screen.call.link;
    case "lobby":
    case "after":
    case "trouble":
      return screen.link;
  }
}

function step(app: App, event: AppEvent): Step {
  switch (event.type) {
    case "start-room": {
      const server = serverOf(app);
      if (server === null) return just({ ...app, screen: { at: "home", problem: "no-server" } });
      return open(app, makeLink(server, event.random));
    }
    case "open-text": {
      const parsed = parseLink(event.text, serverOf(app));
      return parsed.ok ? open(app, parsed.value) : just(refused(app, parsed.problem));
    }
    case "bad-link":
      return just(refused(app, event.problem));
    case "open-link":
      return open(app, event.link);
    case "join-link":
      return join(...open(app, event.link), event.joinId);
    case "rejoin": {
      const link = linkOf(app.screen);
      return link === null ? just(app) : join(...open(app, link), event.joinId);
    }
    case "join":
      return join(app, [], event.joinId);
    case "leave":
      return leave(app, event.now);
    case "go-home": {
      const [left, effects] = leave(app, event.now);
      return [{ ...left, screen: { at: "home", problem: null } }, effects];
    }
    case "forget-room":
      return just({ ...app, recent: forget(app.recent, event.link) });
    case "set-server":
      return just(setServer(app, event.text));
    case "set-name":
      return just({ ...app, settings: { ...app.settings, name: event.name.slice(0, MAX_NAME) } });
    case "set-lang":
      return just({ ...app, settings: { ...app.settings, lang: event.lang } });
    case "set-theme":
      return just({ ...app, settings: { ...app.settings, theme: event.theme } });
    case "set-sounds":
      return just({ ...app, settings: { ...app.settings, sounds: event.on } });
    case "toggle": {
      const wish = app.devices.wish[event.kind];
      return just(withWish(app, { [event.kind]: { ...wish, on: !wish.on } }));
    }
    case "talk":
      return just({ ...app, devices: { ...app.devices, talking: event.held } });
    case "choose-device": {
      const wish = app.devices.wish;
      if (event.kind === "speaker") return just(withWish(app, { speaker: event.deviceId }));
      return just(withWish(app, { [event.kind]: { ...wish[event.kind], deviceId: event.deviceId } }));
    }
    case "retry-device": {
      const wish = app.devices.wish[event.kind];
      return [withWish(app, { [event.kind]: { ...wish, on: true } }), [{ do: "retry-devices" }]];
    }
    case "notify":
      return just({ ...app, notice: { id: (app.notice?.id ?? 0) + 1, word: event.word } });
    case "dismiss-notice":
      return just({ ...app, notice: null });
    case "answer-knock":
      return app.screen.at === "call" ? inCall(app, app.screen.call, event) : just(app);
    case "no-peer-connection":
    case "no-cryptography": {
      const [left, effects] = leave(app, 0);
      return [{ ...left, screen: { at: "trouble", code: event.type, link: linkOf(app.screen) } }, effects];
    }
    case "code":
      return app.screen.at === "call" ? inCall(app, app.screen.call, event) : just(app);
    case "session":
      return onSession(app, event);
    case "media":
      return onMedia(app, event.event);
  }
}

function open(app: App, link: RoomLink): Step {
  const { screen } = app;
  // An invitation to the room at whose door one stands.
  if (
    screen.at === "lobby" &&
    screen.joining === null &&
    link.token !== undefined &&
    sameRoom(screen.link, link)
  )
    return just({ ...app, screen: { ...screen, link } });
  // The link of the room one is in already, clicked again: only the window comes to the front.
  if ((screen.at === "lobby" || screen.at === "call") && sameRoom(linkOf(screen) ?? link, link))
    return just(app);
  const [left, effects] = leave(app, 0);
  return [{ ...left, screen: { at: "lobby", link, joining: null, level: null } }, effects];
}

function join(app: App, before: readonly Effect[], joinId: string): Step {
  if (app.screen.at !== "lobby" || app.screen.joining !== null) return [app, before];
  const { link } = app.screen;
  const name = app.settings.name.trim();
  const seal = link.secret === null ? null : { secret: link.secret, name };
  const request: JoinRequest = {
    server: link.server,
    roomId: link.roomId,
    name: seal !== null || name === "" ? null : name,
    // A token says who one is; in a sealed room our certificate does, and only to those with the key.
    identity: link.token === undefined && seal === null ? app.setup.identity : null,
    capacity: null,
    token: link.token ?? null,
    joinId,
  };
  const screen: Screen = { ...app.screen, joining: { joinId, unreachable: false, knocking: false } };
  return [{ ...app, screen }, [...before, { do: "join", request, seal }]];
}

/** From wherever we are; `after` follows only a call. */
function leave(app: App, now: number): Step {
  const { screen } = app;
  if (screen.at === "lobby") {
    return [
      { ...app, screen: { at: "home", problem: null } },
      screen.joining === null ? [] : [{ do: "leave" }],
    ];
  }
  if (screen.at !== "call") return just(app);
  return [{ ...app, screen: afterCall(screen.call, now) }, [{ do: "leave" }, ...closing(screen.call)]];
}

function afterCall(call: Call, now: number): Screen {
  return {
    at: "after",
    link: call.link,
    seconds: Math.max(0, Math.round((now - call.since) / 1000)),
    people: call.met,
    quality: overallQuality(call),
  };
}

function closing(call: Call): readonly Effect[] {
  return call.peers.map(({ key }) => ({ do: "close-link", key }));
}

function onSession(app: App, event: Extract<AppEvent, { type: "session" }>): Step {
  const { screen } = app;
  // Answers to a join that was given up come late, and mean nothing any more.
  if (joinIdOf(screen) !== event.joinId) return just(app);
  const { event: session, aside, now } = event;
  if (session.type === "ended") return ended(app, session.reason, now);
  if (screen.at === "call") {
    const { message } = session.type === "message" ? session : { message: null };
    if (message?.type === "mute" && message.to !== undefined) return just(hushed(app, message.kind));
    return inCall(app, screen.call, { type: "session", event: session, aside, now });
  }
  if (screen.at !== "lobby" || screen.joining === null) return just(app);
  switch (session.type) {
    case "joined": {
      const muted = mutedKinds(app.devices);
      const seat = aside?.is === "seat" ? aside.seat : null;
      // A link with a secret is a sealed room or none.
      if (seat === null && screen.link.secret !== null) return step(app, { type: "no-cryptography" });
      const how = seat === null ? null : { seat, name: app.settings.name.trim() };
      const [call, effects] = startCall(screen.link, event.joinId, session.joined, how, muted, now);
      return [{ ...app, screen: { at: "call", call }, recent: recentWith(app, call, now) }, effects];
    }
    case "away":
      return just({ ...app, screen: { ...screen, joining: { ...screen.joining, unreachable: true } } });
    case "waiting":
      return just({
        ...app,
        screen: { ...screen, joining: { ...screen.joining, unreachable: false, knocking: true } },
      });
    case "connecting":
    case "resumed":
    case "message":
    case "settled":
      return just(app);
  }
}

/** A moderator asks for silence: it is done, and can be undone at once. */
function hushed(app: App, kind: MediaKind): App {
  const device = kind === "audio" ? "microphone" : kind === "video" ? "camera" : null;
  if (device === null || !app.devices.wish[device].on) return app;
  const quiet = withWish(app, { [device]: { ...app.devices.wish[device], on: false } });
  return { ...quiet, notice: { id: (app.notice?.id ?? 0) + 1, word: `${device}-hushed` } };
}

function ended(app: App, reason: EndReason, now: number): Step {
  const { screen } = app;
  const link = linkOf(screen);
  const effects = screen.at === "call" ? closing(screen.call) : [];
  if (reason === "left") {
    const next: Screen = screen.at === "call" ? afterCall(screen.call, now) : { at: "home", problem: null };
    return [{ ...app, screen: next }, effects];
  }
  return [{ ...app, screen: { at: "trouble", code: reason, link } }, effects];
}

function onMedia(app: App, event: MediaEvent): Step {
  const next = { ...app, devices: updateDevices(app.devices, event) };
  if (event.type === "device-lost") {
    return just({ ...next, notice: { id: (app.notice?.id ?? 0) + 1, word: "device-changed" } });
  }
  const { screen } = next;
  if (screen.at === "call") return inCall(next, screen.call, event);
  if (screen.at === "lobby" && event.type === "levels") {
    return just({ ...next, screen: { ...screen, level: event.self } });
  }
  return just(next);
}

function inCall(app: App, call: Call, event: CallEvent): Step {
  const [next, effects] = updateCall(call, event, mutedKinds(app.devices));
  const met = next.met === call.met ? app : { ...app, recent: recentWith(app, next, next.since) };
  return [{ ...met, screen: { at: "call", call: next } }, effects];
}

function recentWith(app: App, call: Call, now: number): readonly RecentRoom[] {
  return remember(app.recent, { link: call.link, lastAt: now, people: call.met });
}

function setServer(app: App, text: string): App {
  if (text.trim() === "") return { ...app, settings: { ...app.settings, server: null } };
  const parsed = parseServer(text);
  if (parsed.ok) {
    const screen: Screen = app.screen.at === "home" ? { at: "home", problem: null } : app.screen;
    return { ...app, screen, settings: { ...app.settings, server: parsed.value } };
  }
  return app.screen.at === "home" ? { ...app, screen: { at: "home", problem: "bad-server" } } : app;
}

function withWish(app: App, change: Partial<DevicesWish>): App {
  return { ...app, devices: { ...app.devices, wish: { ...app.devices.wish, ...change } } };
}

/** What follows from the difference between two states. */
function derived(before: App, after: App, told: readonly Effect[]): readonly Effect[] {
  const effects: Effect[] = [];
  const wish = wishOf(after);
  if (wish !== wishOf(before) && !sameWish(wish, wishOf(before))) effects.push({ do: "wish", wish });
  effects.push(...told);
  const chime = after.settings.sounds ? chimeOf(rosterOf(before), rosterOf(after)) : null;
  if (chime !== null) effects.push({ do: "chime", chime });
  const [was, is] = [linkOf(before.screen), linkOf(after.screen)];
  if ((was && formatOwnLink(was)) !== (is && formatOwnLink(is))) effects.push({ do: "show-link", link: is });
  const memory: Memory = { settings: after.settings, recent: after.recent, devices: after.devices.wish };
  const save = (key: MemoryKey) => effects.push({ do: "save", key, value: toStored(memory, key) });
  if (before.settings !== after.settings) save("settings");
  if (before.recent !== after.recent) save("recent");
  if (before.devices.wish !== after.devices.wish) save("devices");
  return effects;
}

function rosterOf({ screen }: App): Roster {
  return screen.at === "call" ? screen.call.peers : [];
}

/** Devices are open in the lobby and in the call, and nowhere else. */
function wishOf({ screen, devices }: App): DevicesWish | null {
  return screen.at === "lobby" || screen.at === "call" ? effectiveWish(devices) : null;
}

function sameWish(a: DevicesWish | null, b: DevicesWish | null): boolean {
  if (a === null || b === null) return a === b;
  const same = (kind: "microphone" | "camera") =>
    a[kind].on === b[kind].on && a[kind].deviceId === b[kind].deviceId;
  return same("microphone") && same("camera") && a.speaker === b.speaker;
}

/** A fresh seat tells all its mutes itself; this is about changes within a call. */
function tellMutes(before: App, after: App): Step {
  if (before.screen.at !== "call" || after.screen.at !== "call") return just(after);
  const [was, is] = [mutedKinds(before.devices), mutedKinds(after.devices)];
  if (was.length === is.length && was.every((kind) => is.includes(kind))) return just(after);
  return inCall(after, after.screen.call, { type: "mutes", before: was });
}

function joinIdOf(screen: Screen): string | null {
  if (screen.at === "call") return screen.call.joinId;
  return screen.at === "lobby" ? (screen.joining?.joinId ?? null) : null;
}

/** A link that is none, perhaps a stranger's, never ends a call. */
function refused(app: App, problem: LinkProblem): App {
  if (app.screen.at === "lobby" || app.screen.at === "call") return app;
  return { ...app, screen: { at: "home", problem: problem === "no-server" ? "no-server" : "bad-link" } };
}

function just(app: App): Step {
  return [app, []];
}

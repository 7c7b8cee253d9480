/** The state as the view sees it. */
import { type App, type Joining, serverOf } from "./app";
import type { Call } from "./call";
import { type Devices, mutedKinds, viewDevices } from "./devices";
import { roomLabel } from "./link";
import type { Peer } from "./roster";
import type { Channel } from "./seal/channel";
import { type SealedRoom, strangers } from "./seal/room";
import type { AppView, CallView, LobbyView, Screen, ShieldView, TileView } from "./view-model";

/** Past this a mesh sends everything so often that a home line gives in. */
export const MESH_LIMIT = 6;

export function project(app: App, host: "desktop" | "web", version: string): AppView {
  return { screen: viewScreen(app), settings: app.settings, host, version, notice: app.notice };
}

function viewScreen(app: App): Screen {
  const { screen } = app;
  switch (screen.at) {
    case "home":
      return { at: "home", recent: app.recent, problem: screen.problem, server: serverOf(app) };
    case "lobby":
      return {
        at: "lobby",
        lobby: {
          link: screen.link,
          roomLabel: roomLabel(screen.link),
          devices: viewDevices(app.devices),
          preview: app.devices.camera.stream,
          micLevel: screen.level,
          joining: screen.joining !== null,
          waiting: viewWaiting(screen.joining),
          sealed: screen.link.secret !== null,
        },
      };
    case "call":
      return { at: "call", call: viewCall(screen.call, app) };
    case "after": {
      const { at: _, ...after } = screen;
      return { at: "after", after: { ...after, roomLabel: roomLabel(screen.link) } };
    }
    case "trouble":
      return { at: "trouble", trouble: { code: screen.code, link: screen.link } };
  }
}

function viewWaiting(joining: Joining | null): LobbyView["waiting"] {
  if (joining?.unreachable === true) return "unreachable";
  return joining?.knocking === true ? "knocking" : null;
}

function viewCall(call: Call, { devices, settings }: App): CallView {
  const unknown = call.seal === null ? [] : strangers(call.seal);
  return {
    link: call.link,
    roomLabel: roomLabel(call.link),
    since: call.since,
    tiles: [...call.peers.map(viewPeer), ...unknown.map(viewStranger)],
    shield: viewShield(call.seal),
    self: viewSelf(call, devices, settings.name),
    devices: viewDevices(devices),
    connection: call.connection,
    micLevel: call.level,
    knocks: call.knocks.map(({ name }) => name),
    crowded: call.peers.length + 1 > MESH_LIMIT,
  };
}

function viewPeer({ key, name, media, muted, seat }: Peer): TileView {
  const videoMuted = muted.includes("video");
  return {
    peerId: key,
    name,
    self: false,
    video: videoMuted ? null : media.video,
    audio: media.audio,
    audioMuted: muted.includes("audio"),
    videoMuted,
    speaking: media.voice.speaking && !muted.includes("audio"),
    link: viewLink(media, seat),
    quality: media.quality.shown,
  };
}

/** What the server says of such a one, its name first of all, is not worth showing. */
function viewStranger({ seat }: Channel): TileView {
  return {
    peerId: `stranger ${seat}`,
    name: "",
    self: false,
    video: null,
    audio: null,
    audioMuted: false,
    videoMuted: true,
    speaking: false,
    link: "no-key",
    quality: "good",
  };
}

function viewShield(seal: SealedRoom | null): ShieldView {
  if (seal === null) return { is: "open", strangers: 0, alarms: [], code: null };
  const { alarms, code } = seal;
  const count = strangers(seal).length;
  const is = alarms.length > 0 ? "tampered" : count > 0 ? "stranger" : "sealed";
  return { is, strangers: count, alarms, code };
}

function viewLink(media: Peer["media"], seat: Peer["seat"]): TileView["link"] {
  if (media.state === "connected") return seat.is === "here" ? "live" : "away";
  if (media.wasConnected) return "reconnecting";
  return media.state === "failed" ? "failed" : "connecting";
}

function viewSelf(call: Call, devices: Devices, name: string): TileView {
  const muted = mutedKinds(devices);
  return {
    peerId: "self",
    name,
    self: true,
    video: devices.camera.stream,
    audio: null,
    audioMuted: muted.includes("audio"),
    videoMuted: muted.includes("video"),
    speaking: call.voice.speaking && !muted.includes("audio"),
    link: call.connection.is === "live" ? "live" : "away",
    quality: "good",
  };
}

// Libraries that know nothing of this plugin, as their users use them. They look for RTCPeerConnection when they are
// loaded, so they are loaded when the tests ask for them.
import type { DataConnection, MediaConnection } from "peerjs";
import type SimplePeer from "simple-peer";
import { framesOf, show, until } from "./pipelines";

/** What a test sees of one end, whichever library made it. */
interface End {
  events: string[];
  messages: unknown[];
  outbox: unknown[];
  videos: HTMLVideoElement[];
  local: MediaStream;
  deliver(signal: unknown): void;
  send(message: string | Uint8Array): void;
  close(): void;
}

const ends: End[] = [];

function at(number: number): End {
  const end = ends[number];
  if (!end) throw new Error(`no end ${number}`);
  return end;
}

async function begin(): Promise<End> {
  const local = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 640, height: 480 },
  });
  const end = { events: [], messages: [], outbox: [], videos: [], local };
  const unready = () => {
    throw new Error("not connected yet");
  };
  return { ...end, deliver: unready, send: unready, close: unready };
}

function seen(end: End, stream: MediaStream): void {
  end.events.push("stream");
  const [track] = stream.getVideoTracks();
  if (track) end.videos.push(show(track));
}

/** A message as it can be compared: bytes as a list of numbers. */
function plain(data: unknown): unknown {
  if (data instanceof ArrayBuffer) return [...new Uint8Array(data)];
  return ArrayBuffer.isView(data) ? [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)] : data;
}

/** simple-peer: signals are what `drain` gives and `deliver` takes. */
export async function simplePeer(initiator: boolean): Promise<number> {
  const { default: Peer } = await import("simple-peer/simplepeer.min.js");
  const end = await begin();
  if (!Peer.WEBRTC_SUPPORT) throw new Error("simple-peer finds no WebRTC");
  const peer = new Peer({ initiator, stream: end.local });
  peer.on("signal", (signal) => end.outbox.push(signal));
  peer.on("connect", () => end.events.push("connect"));
  peer.on("data", (data) => end.messages.push(new TextDecoder().decode(data)));
  peer.on("stream", (stream) => seen(end, stream));
  peer.on("close", () => end.events.push("close"));
  peer.on("error", (error) => end.events.push(`error ${error.message}`));
  Object.assign(end, {
    deliver: (signal: SimplePeer.SignalData) => peer.signal(signal),
    send: (message: string) => peer.send(message),
    close: () => peer.destroy(),
  });
  return ends.push(end) - 1;
}

/** PeerJS: both ends meet at a PeerServer. Resolves when this end is known there. */
export async function peerJs(id: string, host: string, port: number): Promise<number> {
  const { Peer, util } = await import("peerjs");
  if (!util.supports.data || !util.supports.audioVideo) throw new Error("PeerJS finds no WebRTC");

  const end = await begin();
  const peer = new Peer(id, { host, port, path: "/", secure: false, config: { iceServers: [] } });

  let data: DataConnection | undefined;
  const useData = (connection: DataConnection) => {
    data = connection;
    connection.on("open", () => end.events.push("connect"));
    connection.on("data", (message) => end.messages.push(plain(message)));
    connection.on("close", () => end.events.push("close"));
  };
  const useMedia = (call: MediaConnection) => call.on("stream", (stream) => seen(end, stream));
  peer.on("connection", useData);
  peer.on("call", (call) => {
    useMedia(call);
    call.answer(end.local);
  });
  peer.on("error", (error) => end.events.push(`error ${error.type}`));
  Object.assign(end, {
    // "Signals" are ids here: whom to call.
    deliver: (other: string) => {
      useData(peer.connect(other, { reliable: true }));
      useMedia(peer.call(other, end.local));
    },
    send: (message: unknown) => data?.send(message),
    close: () => peer.destroy(),
  });
  await until(() => peer.open || end.events.some((event) => event.startsWith("error")), "the PeerServer");
  return ends.push(end) - 1;
}

/** webrtc-adapter: what it takes this browser for, and what it has put in the place of the interfaces. */
export async function adapter() {
  const { default: adapter } = await import("webrtc-adapter");
  const before = Object.getOwnPropertyNames(RTCPeerConnection.prototype).length;
  const pc = new RTCPeerConnection({ iceServers: [{ urls: "stun:127.0.0.1:9" }] });
  const is = pc instanceof RTCPeerConnection;
  pc.close();
  return { browser: adapter.browserDetails.browser, members: before, is };
}

export function drain(number: number): unknown[] {
  return JSON.parse(JSON.stringify(at(number).outbox.splice(0)));
}

export function deliver(number: number, signal: unknown): void {
  at(number).deliver(signal);
}

export function send(number: number, message: string | number[]): void {
  at(number).send(typeof message === "string" ? message : new Uint8Array(message));
}

/** Waits until something was told of, at least `count` times. */
export function told(number: number, event: string, count = 1): Promise<void> {
  return until(
    () => {
      const { events } = at(number);
      // That the other end goes without a word is an error to some.
      const error = event === "close" ? undefined : events.find((one) => one.startsWith("error"));
      if (error) throw new Error(error);
      return events.filter((one) => one === event).length >= count;
    },
    `"${event}"`,
    30_000,
  );
}

export async function messages(number: number, count: number): Promise<unknown[]> {
  await until(() => at(number).messages.length >= count, `${count} messages`);
  return at(number).messages;
}

/** Waits until the other end's picture moves. */
export async function pictures(number: number, count = 20): Promise<number> {
  await until(() => at(number).videos.length > 0, "a video track");
  const [video] = at(number).videos;
  if (!video) throw new Error("no video");
  await until(() => framesOf(video) >= count, `${count} frames`, 30_000);
  return framesOf(video);
}

export function close(number: number): void {
  const end = at(number);
  for (const video of end.videos) {
    video.srcObject = null;
    video.remove();
  }
  end.close();
  for (const track of end.local.getTracks()) track.stop();
}

/** livekit-client: joins a room and publishes a camera. Resolves when the room has taken it. */
export async function liveKit(url: string): Promise<number> {
  const { Room, createLocalVideoTrack, isBrowserSupported, isE2EESupported } = await import("livekit-client");
  if (!isBrowserSupported()) throw new Error("livekit-client takes this for no browser");
  if (!isE2EESupported()) throw new Error("livekit-client finds no encoded transforms");
  const end = await begin();
  const room = new Room({ singlePeerConnection: false });
  room.on("disconnected", (reason) => end.events.push(`error disconnected ${reason}`));
  // The server reads no token, but the client does.
  const token = ["{}", "{}"].map(btoa).join(".");
  await room.connect(url, `${token}.x`, { autoSubscribe: false });
  const track = await createLocalVideoTrack();
  await room.localParticipant.publishTrack(track, { simulcast: false });
  end.events.push(room.state);
  Object.assign(end, {
    close: () => {
      track.stop();
      room.removeAllListeners();
      room.disconnect().catch((error) => console.error(error));
    },
  });
  return ends.push(end) - 1;
}

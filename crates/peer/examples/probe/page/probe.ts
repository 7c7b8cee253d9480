// A small caller on the standard API alone: perfect negotiation over whatever carries the signals. Used from outside by
// name and number, in the webview as in Chromium.
import { audioContext } from "tauri-plugin-peer-connection-api";
import { brightness, framesOf, Meter, show, until } from "./pipelines";

type Signal = { description?: RTCSessionDescriptionInit; candidate?: RTCIceCandidateInit | null };

interface Peer {
  pc: RTCPeerConnection;
  polite: boolean;
  makingOffer: boolean;
  ignoring: boolean;
  signal: (signal: Signal) => void;
  outbox: Signal[];
  videos: HTMLVideoElement[];
  voices: MediaStreamTrack[];
  events: string[];
  channels: RTCDataChannel[];
  local: MediaStream | undefined;
  messages: (string | number)[];
  inbound: Promise<void>;
}

const peers: Peer[] = [];
let sharedContext: AudioContext | undefined;

/** Opens a connection and gives its number. */
export function open({ polite = false, video = true, insertable = false } = {}): number {
  const pc = new RTCPeerConnection(
    insertable ? ({ encodedInsertableStreams: true } as RTCConfiguration) : undefined,
  );
  const peer: Peer = {
    pc,
    polite,
    makingOffer: false,
    ignoring: false,
    signal: (signal) => peer.outbox.push(signal),
    outbox: [],
    videos: [],
    voices: [],
    events: [],
    channels: [],
    local: undefined,
    messages: [],
    inbound: Promise.resolve(),
  };
  pc.onnegotiationneeded = async () => {
    peer.events.push("negotiationneeded");
    try {
      peer.makingOffer = true;
      await pc.setLocalDescription();
      if (pc.localDescription) peer.signal({ description: pc.localDescription });
    } catch (error) {
      peer.events.push(`error: ${error}`);
    } finally {
      peer.makingOffer = false;
    }
  };
  pc.onicecandidate = ({ candidate }) => peer.signal({ candidate: candidate?.toJSON() ?? null });
  pc.ontrack = ({ track, streams }) => {
    peer.events.push(`track ${track.kind} ${streams.length}`);
    track.onmute = () => peer.events.push(`mute ${track.kind}`);
    track.onunmute = () => peer.events.push(`unmute ${track.kind}`);
    track.onended = () => peer.events.push(`ended ${track.kind}`);
    if (track.kind === "audio") peer.voices.push(track);
    else if (video) peer.videos.push(show(track));
  };
  pc.ondatachannel = ({ channel }) => adopt(peer, channel, true);
  pc.onconnectionstatechange = () => peer.events.push(pc.connectionState);
  pc.onsignalingstatechange = () => peer.events.push(pc.signalingState);
  peers.push(peer);
  return peers.length - 1;
}

export function at(number: number): Peer {
  const peer = peers[number];
  if (!peer) throw new Error(`no peer ${number}`);
  return peer;
}

/** Connects the signals of two peers of this page. */
export function wire(one: number, other: number): void {
  const wired = (to: number) => (signal: Signal) => {
    deliver(to, JSON.parse(JSON.stringify(signal))).catch((error) => at(to).events.push(`error: ${error}`));
  };
  at(one).signal = wired(other);
  at(other).signal = wired(one);
  at(other).polite = true;
}

/** Takes a signal of the other end. Signals are handled one after the other. */
export function deliver(number: number, signal: Signal): Promise<void> {
  const peer = at(number);
  const done = peer.inbound.then(() => handle(peer, signal));
  peer.inbound = done.catch(() => {
    // Whoever delivered has the error.
  });
  return done;
}

async function handle(peer: Peer, { description, candidate }: Signal): Promise<void> {
  const { pc } = peer;
  if (description) {
    const collision = description.type === "offer" && (peer.makingOffer || pc.signalingState !== "stable");
    peer.ignoring = !peer.polite && collision;
    if (peer.ignoring) return;
    await pc.setRemoteDescription(description);
    if (description.type === "offer") {
      await pc.setLocalDescription();
      if (pc.localDescription) peer.signal({ description: pc.localDescription });
    }
    return;
  }
  try {
    await pc.addIceCandidate(candidate ?? undefined);
  } catch (error) {
    if (!peer.ignoring) throw error;
  }
}

/** What the peer wants to tell the other end since the last call. */
export function drain(number: number): Signal[] {
  return JSON.parse(JSON.stringify(at(number).outbox.splice(0)));
}

export async function send(number: number, { audio = true, video = true } = {}): Promise<void> {
  const peer = at(number);
  const constraints = { audio, video: video && { width: 640, height: 480 } };
  peer.local = await navigator.mediaDevices.getUserMedia(constraints);
  for (const track of peer.local.getTracks()) peer.pc.addTrack(track, peer.local);
}

/** Sends what another peer of this page sends. */
export function share(from: number, to: number): void {
  const { local } = at(from);
  if (!local) throw new Error(`peer ${from} sends nothing`);
  for (const track of local.getTracks()) at(to).pc.addTrack(track, local);
}

/** Whether nothing is captured or played through the plugin. */
export function sleeps(): boolean {
  return audioContext().state === "suspended";
}

export function connected(number: number): Promise<void> {
  return until(() => at(number).pc.connectionState === "connected", "the connection");
}

/** Waits until the peer has shown `count` more frames and heard something; what it saw and heard. */
export async function media(number: number, count = 60, { audio = true, video = true } = {}) {
  const peer = at(number);
  sharedContext ??= new AudioContext();
  await sharedContext.resume();
  if (video) await until(() => peer.videos.length > 0, "a video track");
  const element = peer.videos.at(-1);
  const before = element ? framesOf(element) : 0;
  if (video && element) await until(() => framesOf(element) - before >= count, `${count} frames`, 30_000);
  let level = 0;
  if (audio) {
    await until(() => peer.voices.length > 0, "an audio track");
    const voice = peer.voices.at(-1);
    const meter = voice && new Meter(sharedContext, voice);
    try {
      if (meter) level = await meter.reaches((value) => value > 0.003);
    } finally {
      meter?.stop();
    }
  }
  return {
    frames: element ? framesOf(element) : 0,
    size: element ? [element.videoWidth, element.videoHeight] : [],
    level,
  };
}

export function dark(number: number, is: boolean): Promise<void> {
  const video = at(number).videos.at(-1);
  if (!video) throw new Error("no video");
  return until(() => brightness(video) < 6 === is, is ? "a dark picture" : "a bright picture");
}

export function events(number: number): string[] {
  return at(number).events;
}

function adopt(peer: Peer, channel: RTCDataChannel, echo: boolean): void {
  channel.binaryType = "arraybuffer";
  peer.channels.push(channel);
  channel.onopen = () => peer.events.push(`open ${channel.label}`);
  channel.onclose = () => peer.events.push(`close ${channel.label}`);
  channel.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    peer.messages.push(typeof data === "string" ? data : data.byteLength);
    if (echo) channel.send(data as string);
  };
}

/** Sends a text, a large buffer and an empty text through a new channel, which the other end echoes. */
export async function echo(number: number, label = "echo") {
  const peer = at(number);
  const channel = peer.pc.createDataChannel(label);
  adopt(peer, channel, false);
  await until(() => channel.readyState === "open", "the channel to open");
  const before = peer.messages.length;
  channel.send("äöü");
  channel.send(new Uint8Array(100_000).fill(7));
  channel.send("");
  for (let index = 0; index < 100; index++) channel.send(new Uint8Array(1000));
  await until(() => peer.messages.length - before >= 103, "the echo");
  await until(() => channel.bufferedAmount === 0, "the queue to run empty");
  const messages = peer.messages.slice(before, before + 3);
  channel.close();
  await until(() => channel.readyState === "closed", "the channel to close");
  return messages;
}

/** Gives every sender of video another picture: plain, of the given size and colour. */
export async function replaceVideo(
  number: number,
  width: number,
  height: number,
  colour: string,
): Promise<void> {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  let turn = 0;
  const paint = () => {
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#444";
    context.fillRect((turn++ * 7) % width, 0, 20, 20);
  };
  paint();
  setInterval(paint, 40);
  const [track] = canvas.captureStream(25).getVideoTracks();
  for (const sender of at(number).pc.getSenders()) {
    if (sender.track?.kind === "video" && track) await sender.replaceTrack(track);
  }
}

export async function sizeOf(number: number, width: number): Promise<[number, number]> {
  const video = at(number).videos.at(-1);
  if (!video) throw new Error("no video");
  await until(() => video.videoWidth === width, `a picture ${width} wide`);
  return [video.videoWidth, video.videoHeight];
}

export async function stats(number: number) {
  const report = await at(number).pc.getStats();
  return [...report.values()];
}

export function close(number: number): void {
  const peer = at(number);
  // First: WebKitGTK may wait for ever when a track ends that an element still shows.
  for (const video of peer.videos) {
    video.srcObject = null;
    video.remove();
  }
  peer.pc.close();
  for (const track of peer.local?.getTracks() ?? []) track.stop();
}

export { until };

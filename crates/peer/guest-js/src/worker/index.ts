/// <reference path="../ambient.d.ts" />
// The media worker: everything that touches a frame, away from the page's main thread.
import type { FromWorker, ToWorker } from "../wire";
import { AudioExchange } from "./audio-exchange";
import { AudioReceive } from "./audio-receive";
import { AudioSend } from "./audio-send";
import { availableCodecs } from "./codecs";
import { type Frame, FrameKind } from "./frame";
import type { FromMedia, LayerLimits, ToMedia } from "./messages";
import type { Port, ReceivePipeline, SendPipeline } from "./pipeline";
import { BEAT, Pressure } from "./pressure";
import { Socket } from "./socket";
import { Transforms } from "./transform";
import { VideoReceive } from "./video-receive";
import { VideoSend } from "./video-send";
import { ofPort, ofTrack } from "./video-source";

/** Frames kept for a transceiver that the page has not heard of yet. */
const EARLY_FRAMES = 64;
/** Transceivers, and milliseconds, for which they are kept. */
const EARLY_TRANSCEIVERS = 32;
const STATS_INTERVAL = 1000;

interface Receiver {
  pc: number;
  transceiver: number;
  pipeline: ReceivePipeline;
  /** The page wants to know when the next frame comes. */
  expecting: boolean;
}

const scope = self as unknown as {
  postMessage(message: FromMedia, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToMedia>) => void) | null;
};
const sources = new Map<number, SendPipeline>();
const senders = new Map<string, SendPipeline>();
const receivers = new Map<string, Receiver>();
const early = new Map<string, Frame[]>();
const forgotten = new Set<number>();
const spares = new Map<number, VideoTrackGenerator>();
/** Of this thread, and of the page's. */
const pressure = new Pressure();
let pagePressure = 0;
let nextSpare = 1;
let socket: Socket<ToWorker, FromWorker> | undefined;
let audio: AudioExchange | undefined;

const port: Port = {
  send: (message) => {
    if (!transforms.outgoing(message)) socket?.send(message);
  },
  tell: (message) => socket?.tell(message),
  backlog: () => socket?.backlog ?? 0,
  trouble: (message) => tell({ type: "trouble", message }),
};

const transforms = new Transforms({
  send: (message) => socket?.send(message),
  tell: port.tell,
  decode: (frame) => receivers.get(key({ pc: frame.pc, transceiver: frame.id }))?.pipeline.push(frame),
  keyFrame: (pc, transceiver, layer) =>
    senders.get(key({ pc, transceiver }))?.keyFrame(pc, transceiver, layer),
  trouble: port.trouble,
});

scope.onmessage = ({ data }) => {
  // The track of `video-source` has arrived by transfer; everything else is plain data.
  try {
    handle(data);
  } catch (error) {
    port.trouble(`${data.type}: ${error}`);
  }
};

function tell(message: FromMedia, transfer: Transferable[] = []): void {
  scope.postMessage(message, transfer);
}

function handle(message: ToMedia): void {
  switch (message.type) {
    case "start":
      start(message.socketUrl, message.spares);
      break;
    case "video-source":
      addSource(message.source, new VideoSend(ofTrack(message.track, message.drawn), message.enabled, port));
      break;
    case "display-source":
      addSource(message.source, new VideoSend(ofPort(message.port), message.enabled, port));
      break;
    case "audio-exchange":
      audio = new AudioExchange(message.port, port.send, port.backlog);
      break;
    case "audio-source": {
      const known = sources.get(message.source);
      if (known instanceof AudioSend) known.process(message.processing);
      else addSource(message.source, new AudioSend(message.source, message.processing, port));
      break;
    }
    case "source-enabled":
      sources.get(message.source)?.enable(message.enabled);
      break;
    case "source-detailed":
      sources.get(message.source)?.detail(message.detailed);
      break;
    case "source-gone":
      endSource(message.source);
      break;
    case "send":
      attach(message.source, message.pc, message.transceiver, message.limits);
      break;
    case "limits":
      senders.get(key(message))?.limit(message.pc, message.transceiver, message.limits);
      break;
    case "make-key-frame":
      senders.get(key(message))?.keyFrame(message.pc, message.transceiver, message.layer);
      break;
    case "stop-sending":
      detach(message.pc, message.transceiver);
      break;
    case "receive-video":
      receiveVideo(message.pc, message.transceiver, message.spare);
      break;
    case "receive-audio":
      receiveAudio(message.pc, message.transceiver);
      break;
    case "expect": {
      const receiver = receivers.get(key(message));
      if (receiver) receiver.expecting = true;
      break;
    }
    case "stop-receiving":
      stopReceiving(key(message));
      break;
    case "make-spare":
      makeSpare();
      break;
    case "discard-spare":
      discardSpare(message.spare);
      break;
    case "report":
      report();
      socket?.tell({ type: "reported", report: message.report });
      break;
    case "forget":
      forget(message.pc);
      break;
    case "transform-made":
      transforms.add(message.transform, message.port);
      break;
    case "transform":
      transforms.set(message);
      break;
    case "transform-streams":
      transforms.describe(message, message.streams);
      break;
    case "pressure":
      pagePressure = message.level;
      spareAll();
      break;
  }
}

function start(socketUrl: string, count: number): void {
  for (let index = 0; index < count; index++) makeSpare();
  const opening = Socket.open<ToWorker, FromWorker>(socketUrl, {
    frame: arrived,
    text: heard,
    lost: (reason) => {
      socket = undefined;
      tell({ type: "failed", message: reason });
    },
  });
  Promise.all([opening, availableCodecs(port.trouble)]).then(
    ([opened, codecs]) => {
      socket = opened;
      tell({ type: "started", codecs });
      setInterval(report, STATS_INTERVAL);
      setInterval(() => {
        if (pressure.beat(performance.now())) spareAll();
      }, BEAT);
    },
    (error) => tell({ type: "failed", message: String(error) }),
  );
}

function spareAll(): void {
  for (const pipeline of sources.values()) pipeline.spare(relief());
  for (const { pipeline } of receivers.values()) pipeline.spare(relief());
}

function relief(): number {
  return Math.max(pressure.level, pagePressure);
}

function makeSpare(): void {
  const generator = new VideoTrackGenerator();
  const spare = nextSpare++;
  spares.set(spare, generator);
  const { track } = generator;
  tell({ type: "spare", spare, track }, [track as unknown as Transferable]);
}

function attach(source: number, pc: number, transceiver: number, limits: LayerLimits[]): void {
  detach(pc, transceiver);
  const pipeline = sources.get(source);
  if (!pipeline) return;
  senders.set(key({ pc, transceiver }), pipeline);
  pipeline.attach(pc, transceiver, limits);
}

function detach(pc: number, transceiver: number): void {
  senders.get(key({ pc, transceiver }))?.detach(pc, transceiver);
  senders.delete(key({ pc, transceiver }));
}

function addSource(source: number, pipeline: SendPipeline): void {
  sources.set(source, pipeline);
  pipeline.spare(relief());
}

function endSource(source: number): void {
  const pipeline = sources.get(source);
  sources.delete(source);
  for (const [sender, used] of senders) if (used === pipeline) senders.delete(sender);
  pipeline?.close();
}

function receiveAudio(pc: number, transceiver: number): void {
  receive(pc, transceiver, new AudioReceive((heard) => tell({ type: "heard", pc, transceiver, heard })));
}

function receiveVideo(pc: number, transceiver: number, spare: number): void {
  const generator = spares.get(spare);
  if (!generator) throw new Error(`there is no spare track ${spare}`);
  spares.delete(spare);
  receive(
    pc,
    transceiver,
    new VideoReceive(generator, {
      keyFrameWanted: () => socket?.tell({ type: "key-frame-wanted", pc, transceiver }),
      shown: (heard) => tell({ type: "heard", pc, transceiver, heard }),
      trouble: port.trouble,
    }),
  );
}

/** A track that was taken for a transceiver which never came to be. */
function discardSpare(spare: number): void {
  const generator = spares.get(spare);
  spares.delete(spare);
  generator?.writable.close().catch((error) => port.trouble(`closing a spare track: ${error}`));
}

function receive(pc: number, transceiver: number, pipeline: ReceivePipeline): void {
  const receiver = { pc, transceiver, pipeline, expecting: true };
  receivers.set(key(receiver), receiver);
  pipeline.spare(relief());
  const frames = early.get(key(receiver)) ?? [];
  early.delete(key(receiver));
  for (const frame of frames) deliver(receiver, frame);
}

function stopReceiving(address: string): void {
  receivers.get(address)?.pipeline.close();
  receivers.delete(address);
  early.delete(address);
}

function arrived(frame: Frame): void {
  if (frame.kind === FrameKind.AudioToPlay) {
    audio?.answer(frame.payload.buffer);
    return;
  }
  if (frame.kind === FrameKind.VoiceOut || frame.kind === FrameKind.VoiceIn) {
    transforms.voice(frame);
    return;
  }
  const address = key({ pc: frame.pc, transceiver: frame.id });
  const receiver = receivers.get(address);
  if (receiver) deliver(receiver, frame);
  else keep(address, frame);
}

function keep(address: string, frame: Frame): void {
  if (forgotten.has(frame.pc)) return;
  let frames = early.get(address);
  if (!frames) {
    if (early.size >= EARLY_TRANSCEIVERS) return;
    frames = [];
    early.set(address, frames);
  }
  if (frames.length >= EARLY_FRAMES) {
    // Without its beginning a video cannot be decoded: keep that, and tell the decoder of the hole.
    if (frame.kind === FrameKind.VideoIn && !frame.key) return;
    frames.length = 0;
  }
  frames.push(frame);
}

function deliver(receiver: Receiver, frame: Frame): void {
  if (receiver.expecting) {
    receiver.expecting = false;
    tell({ type: "receiving", pc: receiver.pc, transceiver: receiver.transceiver });
  }
  if (!transforms.incoming(frame)) receiver.pipeline.push(frame);
}

function heard(message: ToWorker): void {
  switch (message.type) {
    case "key-frame":
      senders.get(key(message))?.keyFrame(message.pc, message.transceiver, message.layer);
      break;
    case "target":
      senders.get(key(message))?.target(message.pc, message.transceiver, message.layer, message.bitrate);
      break;
  }
}

function forget(pc: number): void {
  forgotten.add(pc);
  transforms.forget(pc);
  for (const address of senders.keys()) {
    const [owner, transceiver] = address.split("/").map(Number);
    if (owner === pc && transceiver !== undefined) detach(pc, transceiver);
  }
  for (const [address, receiver] of receivers) if (receiver.pc === pc) stopReceiving(address);
  for (const address of early.keys()) if (address.startsWith(`${pc}/`)) early.delete(address);
}

function report(): void {
  if (!socket) return;
  for (const pipeline of sources.values()) {
    for (const { pc, transceiver, stats } of pipeline.reports())
      socket.tell({ type: "pipeline", pc, transceiver, side: "send", stats });
  }
  for (const { pc, transceiver, pipeline } of receivers.values()) {
    const stats = pipeline.stats();
    if (stats) socket.tell({ type: "pipeline", pc, transceiver, side: "receive", stats });
  }
}

function key({ pc, transceiver }: { pc: number; transceiver: number }): string {
  return `${pc}/${transceiver}`;
}

/// <reference path="../ambient.d.ts" />
// The page's end of everything that flows: one worker, one AudioContext, and the tracks they make.

import type { Kind, VideoCodecName } from "../wire";
import type { FromMedia, Heard, ToMedia, ToPlayout } from "../worker/messages";
import { SAMPLE_RATE } from "../worker/messages";
import { BEAT, Pressure } from "../worker/pressure";
import workletUrl from "../worklet/audio.ts?worker&url";
import { Waking } from "./waking";

/** Remote video tracks made ahead, because `addTransceiver` must have one at once, and those that `start` waits for. */
const SPARES = 32;
const FIRST_SPARES = 8;
const START_BOUND = 10_000;

/** A remote track, before and while it belongs to a transceiver. */
export interface RemoteTrack {
  readonly track: MediaStreamTrack;
  /** Lets the frames of a transceiver flow into the track. */
  connect(pc: number, transceiver: number): void;
  /** Ends the track and frees what stood behind it. */
  end(): void;
}

export interface MediaHandlers {
  receiving(pc: number, transceiver: number): void;
  heard(pc: number, transceiver: number, heard: Heard): void;
}

export class Media {
  readonly context: AudioContext;
  /** The video that this webview can encode and decode. */
  codecs: VideoCodecName[] = ["VP8"];
  #worker: Worker;
  #handlers: MediaHandlers;
  #spares: { spare: number; track: MediaStreamTrack }[] = [];
  /** Brings the audio thread and the worker together. */
  protected connector: AudioWorkletNode | undefined;
  #failed: string | undefined;
  #waiting: (() => void)[] = [];
  #waking: Waking;
  #reports = 0;

  private constructor(worker: Worker, context: AudioContext, handlers: MediaHandlers) {
    this.#worker = worker;
    this.context = context;
    this.#waking = new Waking(context);
    this.#handlers = handlers;
  }

  /** Starts the worker, connects it to `socketUrl` and waits for the first remote tracks. */
  static async start(socketUrl: string, handlers: MediaHandlers): Promise<Media> {
    // WebKitGTK aborts its process when WebCodecs come before anything has started GStreamer.
    document.createElement("video").canPlayType("video/webm; codecs=vp8");
    const worker = new Worker(new URL("../worker/index.ts", import.meta.url), { type: "module" });
    const context = new AudioContext({ sampleRate: SAMPLE_RATE, latencyHint: "interactive" });
    const media = new Media(worker, context, handlers);
    await Promise.all([media.#started(socketUrl), context.audioWorklet.addModule(workletUrl)]);
    media.#connectAudio();
    const pressure = new Pressure();
    setInterval(() => {
      if (pressure.beat(performance.now())) media.tell({ type: "pressure", level: pressure.level });
    }, BEAT);
    return media;
  }

  tell(message: ToMedia, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** Has the worker tell Rust what it has counted; gives the number by which Rust knows the report. */
  report(): number {
    this.#reports += 1;
    this.tell({ type: "report", report: this.#reports });
    return this.#reports;
  }

  /** Keeps the AudioContext awake until the function that is given back is called. */
  keepAwake(): () => void {
    return this.#waking.keep();
  }

  /** Resolves when `remoteTrack("video")` will not throw. */
  async spareReady(): Promise<void> {
    while (this.#spares.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Throws an OperationError when the video tracks made ahead are used up; more are on their way. */
  remoteTrack(kind: Kind): RemoteTrack {
    return kind === "video" ? this.#remoteVideo() : this.#remoteAudio();
  }

  #remoteVideo(): RemoteTrack {
    const taken = this.#spares.shift();
    if (!taken) throw new DOMException("too many receivers at once", "OperationError");
    this.tell({ type: "make-spare" });
    const { spare, track } = taken;
    let address: { pc: number; transceiver: number } | undefined;
    return {
      track,
      connect: (pc, transceiver) => {
        address = { pc, transceiver };
        this.tell({ type: "receive-video", pc, transceiver, spare });
      },
      end: () => {
        MediaStreamTrack.prototype.stop.call(track);
        if (address) this.tell({ type: "stop-receiving", ...address });
        else this.tell({ type: "discard-spare", spare });
      },
    };
  }

  #remoteAudio(): RemoteTrack {
    const node = new AudioWorkletNode(this.context, "peer-connection-playout", {
      numberOfInputs: 0,
      numberOfOutputs: 1,
      outputChannelCount: [1],
    });
    const say = (message: ToPlayout) => node.port.postMessage(message);
    const destination = new MediaStreamAudioDestinationNode(this.context, { channelCount: 1 });
    node.connect(destination);
    const track = destination.stream.getAudioTracks()[0];
    if (!track) throw new DOMException("the audio graph gave no track", "OperationError");
    let address: { pc: number; transceiver: number } | undefined;
    let rest: (() => void) | undefined;
    return {
      track,
      connect: (pc, transceiver) => {
        rest ??= this.keepAwake();
        address = { pc, transceiver };
        say(address);
        this.tell({ type: "receive-audio", pc, transceiver });
      },
      end: () => {
        MediaStreamTrack.prototype.stop.call(track);
        say("stop");
        node.disconnect();
        rest?.();
        if (address) this.tell({ type: "stop-receiving", ...address });
      },
    };
  }

  #connectAudio(): void {
    const { port1, port2 } = new MessageChannel();
    const connector = new AudioWorkletNode(this.context, "peer-connection-connector", {
      numberOfInputs: 0,
      numberOfOutputs: 1,
    });
    connector.port.postMessage(port1, [port1]);
    this.connector = connector;
    this.tell({ type: "audio-exchange", port: port2 }, [port2]);
  }

  #started(socketUrl: string): Promise<void> {
    return new Promise((resolve, reject) => {
      let connected = false;
      const timer = setTimeout(() => reject(new Error("the media worker does not answer")), START_BOUND);
      const settle = () => {
        if (!connected || this.#spares.length < FIRST_SPARES) return;
        clearTimeout(timer);
        resolve();
      };
      this.#worker.onerror = (event) => reject(new Error(`the media worker: ${event.message}`));
      this.#worker.onmessage = ({ data }: MessageEvent<FromMedia>) => {
        switch (data.type) {
          case "started":
            connected = true;
            this.codecs = data.codecs;
            settle();
            break;
          case "spare":
            this.#spares.push(data);
            for (const resolve of this.#waiting.splice(0)) resolve();
            settle();
            break;
          case "failed":
            this.#failed = data.message;
            console.error("peer-connection:", data.message);
            reject(new Error(data.message));
            break;
          case "receiving":
            this.#handlers.receiving(data.pc, data.transceiver);
            break;
          case "heard":
            this.#handlers.heard(data.pc, data.transceiver, data.heard);
            break;
          case "trouble":
            console.warn("peer-connection:", data.message);
            break;
        }
      };
      this.tell({ type: "start", socketUrl, spares: SPARES });
    });
  }

  /** Why nothing flows any more, if so. */
  get failed(): string | undefined {
    return this.#failed;
  }
}

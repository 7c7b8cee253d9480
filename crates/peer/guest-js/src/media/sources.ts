// Local tracks on their way to the encoders: each is captured once, however many connections send it.
import type { CaptureOptions } from "../worker/messages";
import { displayFrames, showsDisplay } from "./display";
import type { Media } from "./media";
import { processingOf } from "./processing";

/** Hints for pictures that are read (mst-content-hint, 3.1). */
const DETAILED: readonly string[] = ["detail", "text"];

interface Source {
  number: number;
  users: number;
  stop(): void;
}

export class Sources {
  #media: Media;
  #sources = new Map<MediaStreamTrack, Source>();
  #next = 1;

  constructor(media: Media) {
    this.#media = media;
  }

  /** The number by which the worker knows `track`. Each call wants one `release`. */
  use(track: MediaStreamTrack): number {
    let source = this.#sources.get(track);
    if (!source) {
      const number = this.#next++;
      source = { number, users: 0, stop: this.#capture(track, number) };
      this.#sources.set(track, source);
    }
    source.users++;
    return source.number;
  }

  release(track: MediaStreamTrack): void {
    const source = this.#sources.get(track);
    if (!source || --source.users > 0) return;
    this.#sources.delete(track);
    source.stop();
  }

  #capture(track: MediaStreamTrack, source: number): () => void {
    const media = this.#media;
    const stopFlow =
      track.kind === "video" ? captureVideo(media, track, source) : captureAudio(media, track, source);
    let flowing = track.readyState === "live";
    const end = () => {
      if (!flowing) return;
      flowing = false;
      stopFlow();
      media.tell({ type: "source-gone", source });
    };
    if (!flowing) return () => {};
    const detailed = (hint: string) =>
      media.tell({ type: "source-detailed", source, detailed: DETAILED.includes(hint) });
    if (DETAILED.includes(track.contentHint)) detailed(track.contentHint);
    const untap = tap(track, {
      hinted: detailed,
      enabled: (enabled) => media.tell({ type: "source-enabled", source, enabled }),
      ended: end,
      constrained: () => {
        if (track.kind === "audio")
          media.tell({ type: "audio-source", source, processing: processingOf(track) });
      },
    });
    return () => {
      untap();
      end();
    };
  }
}

function captureVideo(media: Media, track: MediaStreamTrack, source: number): () => void {
  if (track.readyState !== "live") return () => {};
  // A transferred track is lost to the page: the worker gets a copy, whose frames do not depend on `enabled`.
  const copy = track.clone();
  copy.enabled = true;
  if (showsDisplay(track)) {
    const { port, stop } = displayFrames(copy);
    media.tell({ type: "display-source", source, port, enabled: track.enabled }, [port]);
    return stop;
  }
  const drawn = track instanceof CanvasCaptureMediaStreamTrack;
  media.tell({ type: "video-source", source, track: copy, enabled: track.enabled, drawn }, [
    copy as unknown as Transferable,
  ]);
  return () => {};
}

function captureAudio(media: Media, track: MediaStreamTrack, source: number): () => void {
  if (track.readyState !== "live") return () => {};
  const rest = media.keepAwake();
  const { context } = media;
  const input = new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track]) });
  const processorOptions: CaptureOptions = { source };
  const node = new AudioWorkletNode(context, "peer-connection-capture", {
    numberOfInputs: 1,
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: "explicit",
    processorOptions,
  });
  media.tell({ type: "audio-source", source, processing: processingOf(track) });
  if (!track.enabled) media.tell({ type: "source-enabled", source, enabled: false });
  input.connect(node);
  return () => {
    input.disconnect();
    node.port.postMessage("stop");
    rest();
  };
}

interface Hears {
  hinted(hint: string): void;
  enabled(enabled: boolean): void;
  ended(): void;
  constrained(): void;
}

/**
 * Hears of `enabled`, `contentHint`, `stop()` and `applyConstraints()` on this one track, which fire no event, and of its end. What the
 * prototype has goes on working underneath; the function given back takes the tap away.
 */
function tap(track: MediaStreamTrack, hears: Hears): () => void {
  const { applyConstraints } = MediaStreamTrack.prototype;
  const enabled = Object.getOwnPropertyDescriptor(MediaStreamTrack.prototype, "enabled");
  const hint = Object.getOwnPropertyDescriptor(MediaStreamTrack.prototype, "contentHint");
  const { stop } = MediaStreamTrack.prototype;
  Object.defineProperties(track, {
    enabled: {
      configurable: true,
      enumerable: true,
      get: () => enabled?.get?.call(track),
      set: (value: boolean) => {
        enabled?.set?.call(track, value);
        hears.enabled(Boolean(value));
      },
    },
    contentHint: {
      configurable: true,
      enumerable: true,
      get: () => hint?.get?.call(track) ?? "",
      set: (value: string) => {
        hint?.set?.call(track, value);
        // What is no hint for this kind is not taken.
        hears.hinted(hint?.get?.call(track) ?? "");
      },
    },
    stop: {
      configurable: true,
      writable: true,
      value: () => {
        stop.call(track);
        hears.ended();
      },
    },
    applyConstraints: {
      configurable: true,
      writable: true,
      value: async (constraints?: MediaTrackConstraints) => {
        await applyConstraints.call(track, constraints);
        hears.constrained();
      },
    },
  });
  track.addEventListener("ended", hears.ended);
  return () => {
    Reflect.deleteProperty(track, "enabled");
    Reflect.deleteProperty(track, "contentHint");
    Reflect.deleteProperty(track, "stop");
    Reflect.deleteProperty(track, "applyConstraints");
    track.removeEventListener("ended", hears.ended);
  };
}

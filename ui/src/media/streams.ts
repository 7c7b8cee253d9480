/** Streams behind handles, and the elements that show them. */
import type { StreamHandle } from "../core/ports";

/** Called once with every element that shows its first frame, and what it shows. */
type FirstFrame = (streamId: string) => void;

export class Streams {
  private readonly streams = new Map<string, MediaStream>();
  private readonly playing = new Set<HTMLMediaElement>();
  private readonly showing = new Map<string, Set<HTMLMediaElement>>();
  private sink: string | null = null;
  private next = 1;

  constructor(private readonly onFirstFrame: FirstFrame) {}

  /** One track, one stream: a tile's picture and its sound come and go apart. */
  open(track: MediaStreamTrack): StreamHandle {
    const streamId = `${track.kind}-${this.next++}`;
    this.streams.set(streamId, new MediaStream([track]));
    return { streamId };
  }

  /**
   * Before its track stops. The elements let go of it here: WebKitGTK waits for ever when a track ends that an element
   * still shows.
   */
  close(handle: StreamHandle | null): void {
    if (handle === null) return;
    const { streamId } = handle;
    for (const element of this.showing.get(streamId) ?? []) element.srcObject = null;
    this.showing.delete(streamId);
    this.streams.delete(streamId);
  }

  attach(element: HTMLMediaElement, { streamId }: StreamHandle): () => void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return () => {};
    const scope = new AbortController();
    const shown = this.showing.get(streamId) ?? new Set();
    this.showing.set(streamId, shown.add(element));
    element.srcObject = stream;
    element.autoplay = true;
    if (element instanceof HTMLVideoElement) {
      element.playsInline = true;
      // The sound has an element of its own; a muted picture may start without being asked for.
      element.muted = true;
      this.watchFirstFrame(element, streamId, scope.signal);
    } else {
      this.playing.add(element);
      void this.route(element);
    }
    void play(element, scope.signal);
    return () => {
      scope.abort();
      this.playing.delete(element);
      shown.delete(element);
      // It may show something else by now.
      if (element.srcObject === stream) element.srcObject = null;
    };
  }

  /** Where all sound goes from now on; null is the system's choice. */
  setSink(deviceId: string | null): void {
    this.sink = deviceId;
    for (const element of this.playing) void this.route(element);
  }

  private async route(element: HTMLMediaElement): Promise<void> {
    if (!("setSinkId" in element)) return;
    try {
      await element.setSinkId(this.sink ?? "");
    } catch (error) {
      // The device went away: the element keeps playing where it played.
      console.warn("this speaker cannot be used", error);
    }
  }

  private watchFirstFrame(element: HTMLVideoElement, streamId: string, signal: AbortSignal): void {
    let seen = false;
    const first = () => {
      if (!seen && !signal.aborted) this.onFirstFrame(streamId);
      seen = true;
    };
    // The frame callback is exact, but some webviews never call it.
    if ("requestVideoFrameCallback" in element) element.requestVideoFrameCallback(first);
    element.addEventListener("loadeddata", first, { once: true, signal });
  }
}

/** Plays, and where the browser wants a gesture first, plays at the next one. */
async function play(element: HTMLMediaElement, signal: AbortSignal): Promise<void> {
  try {
    await element.play();
  } catch (error) {
    if (signal.aborted || !(error instanceof DOMException)) return;
    if (error.name !== "NotAllowedError") return;
    const again = () => void play(element, signal);
    for (const gesture of ["pointerdown", "keydown"]) {
      document.addEventListener(gesture, again, { once: true, signal });
    }
  }
}

/// <reference path="../ambient.d.ts" />
// Where the pictures of a track come from.

export interface VideoSource {
  readonly frames: ReadableStream<VideoFrame>;
  stop(): void;
}

/** Pictures that wait for the encoder. */
const WAITING = 2;
/** Milliseconds between two looks at a track that stays with the page. */
const LOOK = 33;

export function ofTrack(track: MediaStreamTrack): VideoSource {
  const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: WAITING });
  return { frames: readable, stop: () => track.stop() };
}

/**
 * Of a track that the page looks at (`media/display.ts`): asked here, as timers of a page that nobody sees sleep, and
 * asked again only when it has answered. Where nothing has changed, the answer is null.
 */
export function ofPort(port: MessagePort): VideoSource {
  let asked = false;
  let timer: ReturnType<typeof setInterval> | undefined;
  const stop = () => {
    clearInterval(timer);
    port.close();
  };
  const frames = new ReadableStream<VideoFrame>(
    {
      start(controller) {
        port.onmessage = ({ data }: MessageEvent<VideoFrame | null>) => {
          asked = false;
          if (data === null) return;
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(data);
          else data.close();
        };
        timer = setInterval(() => {
          if (asked) return;
          asked = true;
          port.postMessage(null);
        }, LOOK);
      },
      cancel: stop,
    },
    { highWaterMark: WAITING },
  );
  return { frames, stop };
}

/// <reference path="../ambient.d.ts" />
// Where the pictures of a track come from.

export interface VideoSource {
  readonly frames: ReadableStream<VideoFrame>;
  /** One of its frames as an encoder takes it, at this time in microseconds; the frame stays open. */
  picture(frame: VideoFrame, timestamp: number): VideoFrame;
  stop(): void;
}

/** Pictures that wait for the encoder. */
const WAITING = 2;
/** Milliseconds between two looks at a track that stays with the page. */
const LOOK = 33;

/** `drawn`: a canvas's track. */
export function ofTrack(track: MediaStreamTrack, drawn: boolean): VideoSource {
  const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: WAITING });
  return { frames: readable, picture: drawn ? redrawing() : timed, stop: () => track.stop() };
}

function timed(frame: VideoFrame, timestamp: number): VideoFrame {
  return new VideoFrame(frame, { timestamp });
}

/**
 * Of a canvas's frames, WebKitGTK's encoders give nothing back but the first, unless they have no time, as with a canvas that is captured
 * at a rate. Those drawn once more are as any others.
 */
function redrawing(): typeof timed {
  let canvas = new OffscreenCanvas(1, 1);
  let context: OffscreenCanvasRenderingContext2D | null = null;
  return (frame, timestamp) => {
    if (!Number.isSafeInteger(frame.timestamp)) return timed(frame, timestamp);
    const { displayWidth: width, displayHeight: height } = frame;
    if (!context || canvas.width !== width || canvas.height !== height) {
      canvas = new OffscreenCanvas(width, height);
      context = canvas.getContext("2d", { willReadFrequently: true });
      // What is transparent must not show the picture before.
      if (context) context.globalCompositeOperation = "copy";
    }
    context?.drawImage(frame, 0, 0, width, height);
    return new VideoFrame(canvas, { timestamp });
  };
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
  return { frames, picture: timed, stop };
}

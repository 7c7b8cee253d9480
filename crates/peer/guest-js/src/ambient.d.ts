// What the worker and the worklets have that TypeScript's DOM library does not declare.

declare module "*?worker&url" {
  const url: string;
  export default url;
}

declare class MediaStreamTrackProcessor {
  constructor(init: { track: MediaStreamTrack; maxBufferSize?: number });
  readonly readable: ReadableStream<VideoFrame>;
}

declare class VideoTrackGenerator {
  readonly writable: WritableStream<VideoFrame>;
  readonly track: MediaStreamTrack;
  muted: boolean;
}

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

/** The first frame of the render quantum at hand. */
declare const currentFrame: number;

declare function registerProcessor(
  name: string,
  // Each processor knows its own options.
  processor: new (options: never) => AudioWorkletProcessor,
): void;

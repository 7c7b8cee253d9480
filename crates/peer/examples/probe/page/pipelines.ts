// The media pipelines alone, against a socket that plays Rust by sending every frame back as received.
import { Media } from "@peer/media/media";
import { Sources } from "@peer/media/sources";

export interface PipelineReport {
  frames: number;
  size: [number, number];
  level: number;
  blackLevel: number;
  silentLevel: number;
  copies: number;
}

export async function loop(socketUrl: string): Promise<PipelineReport> {
  const receiving: number[] = [];
  const media = await Media.start(socketUrl, {
    receiving: (_, transceiver) => receiving.push(transceiver),
    heard: () => {},
  });
  const sources = new Sources(media);
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 640, height: 480 },
  });
  const [camera] = stream.getVideoTracks();
  const [microphone] = stream.getAudioTracks();
  if (!camera || !microphone) throw new Error("no camera or no microphone");
  const remotes = [1, 2].map((transceiver) => {
    const remote = media.remoteTrack("video");
    remote.connect(1, transceiver);
    return remote;
  });
  const voice = media.remoteTrack("audio");
  voice.connect(1, 3);
  // One camera for two receivers: encoded once.
  for (const transceiver of [1, 2]) {
    media.tell({
      type: "send",
      source: sources.use(camera),
      pc: 1,
      transceiver,
      limits: [{ layer: 0, active: true }],
    });
  }
  media.tell({
    type: "send",
    source: sources.use(microphone),
    pc: 1,
    transceiver: 3,
    limits: [{ layer: 0, active: true }],
  });
  const videos = remotes.map(({ track }) => show(track));
  const meter = new Meter(media.context, voice.track);

  const first = videos[0] as HTMLVideoElement;
  await until(() => videos.every((video) => framesOf(video) >= 60), "60 frames");
  const level = await meter.reaches((value) => value > 0.01);
  const size: [number, number] = [first.videoWidth, first.videoHeight];
  camera.enabled = false;
  microphone.enabled = false;
  await until(() => brightness(first) < 4, "a black picture");
  const blackLevel = brightness(first);
  const silentLevel = await meter.reaches((value) => value < 0.001);
  camera.enabled = true;
  await until(() => brightness(first) > 4, "a picture");
  meter.stop();
  camera.stop();
  microphone.stop();
  const frames = framesOf(first);
  return { frames, size, level, blackLevel, silentLevel, copies: receiving.length };
}

export function show(track: MediaStreamTrack): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.autoplay = true;
  video.srcObject = new MediaStream([track]);
  document.querySelector("#videos")?.append(video);
  video.play().catch((error) => console.warn("probe: not playing:", error));
  return video;
}

export function framesOf(video: HTMLVideoElement): number {
  return video.getVideoPlaybackQuality().totalVideoFrames;
}

/** The mean of what a video shows, 0 (black) to 255. */
export function brightness(video: HTMLVideoElement): number {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 32;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  context.drawImage(video, 0, 0, 32, 32);
  const { data } = context.getImageData(0, 0, 32, 32);
  let sum = 0;
  for (let index = 0; index < data.length; index += 4) {
    sum += ((data[index] ?? 0) + (data[index + 1] ?? 0) + (data[index + 2] ?? 0)) / 3;
  }
  return sum / 1024;
}

/** Measures how loud a track is. */
export class Meter {
  #analyser: AnalyserNode;
  #input: MediaStreamAudioSourceNode;
  #element = new Audio();
  #samples = new Float32Array(2048);

  constructor(context: AudioContext, track: MediaStreamTrack) {
    this.#analyser = context.createAnalyser();
    const stream = new MediaStream([track]);
    // Chromium decodes a remote track only while an element plays it.
    this.#element.muted = true;
    this.#element.srcObject = stream;
    this.#element.play().catch((error) => console.warn("probe: not playing:", error));
    this.#input = context.createMediaStreamSource(stream);
    this.#input.connect(this.#analyser);
  }

  /** Lets go of the track, which must end nowhere while something plays it. */
  stop(): void {
    this.#element.pause();
    this.#element.srcObject = null;
    this.#input.disconnect();
  }

  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return Math.sqrt(this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length);
  }

  async reaches(condition: (level: number) => boolean): Promise<number> {
    await until(() => condition(this.level()), "the audio level");
    return this.level();
  }
}

/** Waits until `condition` holds; throws after `bound` milliseconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  bound = 15_000,
): Promise<void> {
  const end = performance.now() + bound;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

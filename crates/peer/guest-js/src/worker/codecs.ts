// The video codecs: their numbers on the socket, how WebCodecs knows them, and which of them this webview really has.
import type { VideoCodecName } from "../wire";
import { annexB, avc, parametersOf } from "./annexb";
import { Codec } from "./frame";
import { announced, type Room } from "./level";

/** In the order in which they are offered. */
export const VIDEO_CODECS: readonly VideoCodecName[] = ["VP8", "VP9", "H264"];

const NUMBERS: Record<VideoCodecName, number> = { VP8: Codec.Vp8, VP9: Codec.Vp9, H264: Codec.H264 };
const BASELINE = "avc1.42e0";
const STRINGS: Record<VideoCodecName, string> = { VP8: "vp8", VP9: "vp09.00.10.08", H264: `${BASELINE}1f` };
/** Levels 3.1 and 4 of H.264, and the pixels beyond which pictures need the latter. */
const USUAL = 31;
const LARGE = 40;
const LARGE_PIXELS = 1280 * 720;
/** The trial's pictures, and milliseconds that it may take. */
const TRIAL = { width: 128, height: 96, bitrate: 200_000, framerate: 30 };
const TRIAL_BOUND = 3000;

export function numberOf(codec: VideoCodecName): number {
  return NUMBERS[codec];
}

export function codecOf(number: number): VideoCodecName | undefined {
  return VIDEO_CODECS.find((codec) => NUMBERS[codec] === number);
}

export interface Picture {
  width: number;
  height: number;
  bitrate: number;
  framerate: number;
}

/** `within`: what those who receive it take of H.264. */
export function encoderConfig(codec: VideoCodecName, picture: Picture, within?: Room): VideoEncoderConfig {
  const large = picture.width * picture.height > LARGE_PIXELS;
  const level = announced(within, picture, large ? LARGE : USUAL);
  return {
    codec: codec === "H264" ? `${BASELINE}${level.toString(16).padStart(2, "0")}` : STRINGS[codec],
    ...picture,
    latencyMode: "realtime",
    // What WebKitGTK gives whatever is asked for, and all that its decoder takes.
    ...(codec === "H264" && { avc: { format: "avc" } }),
  };
}

/** Of what decoders need to know, only H.264 has more than its name: the parameter sets of a key frame. */
export function decoderConfig(
  codec: VideoCodecName,
  parameters?: Uint8Array<ArrayBuffer>,
): VideoDecoderConfig {
  const config: VideoDecoderConfig = { codec: STRINGS[codec], optimizeForLatency: true };
  if (codec !== "H264" || !parameters) return config;
  const profile = [...parameters.subarray(1, 4)].map((byte) => byte.toString(16).padStart(2, "0"));
  return { ...config, codec: `avc1.${profile.join("")}`, description: parameters };
}

/** An encoder's chunk as it crosses the socket: H.264 behind start codes, key frames with their parameter sets. */
export class Packer {
  #codec: VideoCodecName;
  #parameters: Uint8Array | undefined;

  constructor(codec: VideoCodecName) {
    this.#codec = codec;
  }

  pack(chunk: EncodedVideoChunk, metadata: EncodedVideoChunkMetadata | undefined): Uint8Array<ArrayBuffer> {
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    if (this.#codec !== "H264") return data;
    const { description } = metadata?.decoderConfig ?? {};
    if (description) this.#parameters = parametersOf(description);
    const complete = annexB(data);
    if (chunk.type !== "key" || complete || !this.#parameters) return data;
    const whole = new Uint8Array(this.#parameters.byteLength + data.byteLength);
    whole.set(this.#parameters);
    whole.set(data, this.#parameters.byteLength);
    return whole;
  }
}

/** The codecs that this webview encodes and decodes. An answer to `isConfigSupported` may be wrong: each is tried. */
export async function availableCodecs(trouble: (message: string) => void): Promise<VideoCodecName[]> {
  const results = await Promise.all(
    VIDEO_CODECS.map((codec) =>
      works(codec).catch((error) => {
        trouble(`trying ${codec}: ${error}`);
        return false;
      }),
    ),
  );
  // Without VP8 nothing can be agreed on with anybody.
  return VIDEO_CODECS.filter((codec, index) => codec === "VP8" || results[index]);
}

async function works(codec: VideoCodecName): Promise<boolean> {
  if (codec === "VP8") return true;
  const config = encoderConfig(codec, TRIAL);
  const [encodes, decodes] = await Promise.all([
    VideoEncoder.isConfigSupported(config),
    VideoDecoder.isConfigSupported(decoderConfig(codec)),
  ]);
  if (!encodes.supported || !decodes.supported) return false;
  return new Promise((resolve, reject) => {
    const packer = new Packer(codec);
    const end = (outcome: () => void) => {
      clearTimeout(timer);
      if (encoder.state !== "closed") encoder.close();
      if (decoder.state !== "closed") decoder.close();
      outcome();
    };
    const fail = (error: unknown) => end(() => reject(error));
    const timer = setTimeout(() => fail(new Error("no picture came back")), TRIAL_BOUND);
    const decoder = new VideoDecoder({
      output: (frame) => {
        const { displayWidth, displayHeight } = frame;
        frame.close();
        end(() => resolve(displayWidth === TRIAL.width && displayHeight === TRIAL.height));
      },
      error: fail,
    });
    const encoder = new VideoEncoder({
      output: (chunk, metadata) => {
        const packed = packer.pack(chunk, metadata);
        const { data, parameters } = codec === "H264" ? avc(packed) : { data: packed };
        decoder.configure(decoderConfig(codec, parameters));
        decoder.decode(new EncodedVideoChunk({ type: chunk.type, timestamp: chunk.timestamp, data }));
        decoder.flush().catch(() => {
          // The first picture has closed it.
        });
      },
      error: fail,
    });
    encoder.configure(config);
    const frame = blackFrame(TRIAL.width, TRIAL.height, 0);
    encoder.encode(frame, { keyFrame: true });
    frame.close();
    encoder.flush().catch(() => {
      // Likewise.
    });
  });
}

/** A black picture, of even sides. */
export function blackFrame(width: number, height: number, timestamp: number): VideoFrame {
  const codedWidth = Math.max(2, width & ~1);
  const codedHeight = Math.max(2, height & ~1);
  const luma = codedWidth * codedHeight;
  const data = new Uint8Array(luma + luma / 2).fill(128);
  data.fill(16, 0, luma);
  return new VideoFrame(data, { format: "I420", codedWidth, codedHeight, timestamp });
}

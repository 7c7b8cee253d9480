/** Tries camera, microphone and speaker, as far as they are not open already. */
import type { DeviceFact, EchoFact, Facts } from "../core/doctor/facts";
import { median, peakOf, toneLevel } from "../core/doctor/tone";
import type { DeviceLive } from "../core/ports";
import { pause, unless } from "./doctor-pause";
import { type Kind, Opener } from "./open";
import { openSpeaker } from "./sounds";

export interface DevicesNow {
  readonly camera: Asked;
  readonly microphone: Asked;
  readonly speaker: string | null;
  /** The microphone's track where it is open. */
  readonly open: MediaStreamTrack | null;
  /** In a call nothing is opened that is off, and no tone is played. */
  readonly inCall: boolean;
}

interface Asked {
  readonly live: DeviceLive;
  readonly deviceId: string | null;
}

export async function lookAtDevices(now: DevicesNow, signal: AbortSignal): Promise<Partial<Facts>> {
  const opener = new Opener();
  const opened: MediaStreamTrack[] = [];
  const look = async (kind: Kind): Promise<DeviceFact | null> => {
    const { live, deviceId } = now[kind];
    if (live.state === "live") return { is: "works" };
    // What failed a while ago may work by now.
    if (now.inCall) return live.problem === null ? null : { is: "failed", problem: live.problem };
    const found = await opener.open(kind, deviceId);
    if (!found.ok) return { is: "failed", problem: found.problem };
    opened.push(found.track);
    return { is: "works" };
  };
  try {
    const [camera, microphone] = await Promise.all([look("camera"), look("microphone")]);
    signal.throwIfAborted();
    const speakers = await countSpeakers();
    const facts = { camera, microphone, speakers };
    if (now.inCall || microphone?.is !== "works") return facts;
    const track = opened.find(({ kind }) => kind === "audio") ?? now.open;
    if (track === null) return facts;
    const bound = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    const heard = await listen(track, speakers === 0 ? null : now.speaker, speakers !== 0, bound).catch(
      (error: unknown) => {
        if (signal.aborted) throw error;
        console.warn("the speaker cannot be listened to", error);
        return null;
      },
    );
    return heard === null
      ? facts
      : { ...facts, microphone: { ...microphone, level: heard.level }, echo: heard.echo };
  } finally {
    for (const track of opened) track.stop();
  }
}

async function countSpeakers(): Promise<number | null> {
  if (navigator.mediaDevices === undefined || !("setSinkId" in HTMLMediaElement.prototype)) return null;
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "audiooutput").length;
}

const TONE_HZ = 1000;
const TONE_GAIN = 0.15;
const QUIET_MS = 400;
const TONE_MS = 700;
/** The canceller needs a moment to learn the way from the speaker to the microphone. */
const LEARN_MS = 300;
const LOOK_MS = 40;
/** A loud-speaker that does not begin must not hold up the rest. */
const PATIENCE_MS = 15_000;

/** Null where the page may run no sound yet. */
async function listen(
  track: MediaStreamTrack,
  sinkId: string | null,
  play: boolean,
  signal: AbortSignal,
): Promise<{ level: number; echo: EchoFact | null } | null> {
  const context = new AudioContext();
  // A muted one is to be heard here too: nothing of it leaves the page.
  const own = track.clone();
  own.enabled = true;
  try {
    await unless(signal, context.resume());
    if (context.state !== "running") return null;
    const source = context.createMediaStreamSource(new MediaStream([own]));
    const analyser = context.createAnalyser();
    analyser.fftSize = 2048;
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let level = 0;
    const hear = async (ms: number): Promise<number> => {
      const tones: number[] = [];
      for (const until = performance.now() + ms; performance.now() < until; ) {
        await pause(LOOK_MS, signal);
        analyser.getFloatTimeDomainData(samples);
        level = Math.max(level, peakOf(samples));
        tones.push(toneLevel(samples, context.sampleRate, TONE_HZ));
      }
      return median(tones);
    };
    const before = await hear(QUIET_MS);
    if (!play) return { level, echo: null };
    const quiet = await tone(context, sinkId, signal);
    try {
      await pause(LEARN_MS, signal);
      return { level, echo: { before, during: await hear(TONE_MS - LEARN_MS) } };
    } finally {
      quiet();
    }
  } finally {
    own.stop();
    await context.close();
  }
}

async function tone(context: AudioContext, sinkId: string | null, signal: AbortSignal): Promise<() => void> {
  // A speaker that went away is found out by its absence from the list.
  const open = openSpeaker(context, sinkId).catch(() => openSpeaker(context, null));
  const speaker = await unless(signal, open);
  const gain = context.createGain();
  gain.gain.setValueAtTime(0, context.currentTime);
  gain.gain.linearRampToValueAtTime(TONE_GAIN, context.currentTime + 0.05);
  gain.connect(speaker.out);
  const oscillator = context.createOscillator();
  oscillator.frequency.value = TONE_HZ;
  oscillator.connect(gain);
  oscillator.start();
  return () => {
    oscillator.stop();
    speaker.close();
  };
}

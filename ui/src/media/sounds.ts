/** What can be heard of the page itself, on the chosen speaker: soft notes, in hertz. */
import type { Chime } from "../core/chime";

const TEST = [523.25, 659.25];
const CHIMES: Readonly<Record<Chime, readonly number[]>> = { lost: [440, 329.63], back: [329.63, 440] };

export function playTestTone(sinkId: string | null): Promise<void> {
  return play(TEST, sinkId);
}

export function playChime(chime: Chime, sinkId: string | null): Promise<void> {
  return play(CHIMES[chime], sinkId);
}

async function play(frequencies: readonly number[], sinkId: string | null): Promise<void> {
  const context = new AudioContext();
  try {
    const speaker = await openSpeaker(context, sinkId);
    const notes = frequencies.map((frequency, i) =>
      note(context, speaker.out, frequency, context.currentTime + 0.25 * i),
    );
    await Promise.all(notes);
    speaker.close();
  } finally {
    await context.close();
  }
}

export interface Speaker {
  readonly out: AudioNode;
  close(): void;
}

/** A context's way to a speaker, the system's own where that is null. Rejects when it has gone. */
export async function openSpeaker(context: AudioContext, sinkId: string | null): Promise<Speaker> {
  const out = context.createMediaStreamDestination();
  // WebKit begins to play no stream that nothing flows in, and waits.
  const silence = context.createConstantSource();
  silence.offset.value = 0;
  silence.connect(out);
  silence.start();
  const element = new Audio();
  element.srcObject = out.stream;
  const close = () => {
    silence.stop();
    element.pause();
    element.srcObject = null;
  };
  try {
    if (sinkId !== null && "setSinkId" in element) await element.setSinkId(sinkId);
    await element.play();
  } catch (error) {
    close();
    throw error;
  }
  return { out, close };
}

function note(context: AudioContext, out: AudioNode, frequency: number, at: number): Promise<void> {
  const gain = context.createGain();
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.2, at + 0.03);
  gain.gain.exponentialRampToValueAtTime(0.001, at + 0.6);
  gain.connect(out);
  const oscillator = context.createOscillator();
  oscillator.frequency.value = frequency;
  oscillator.connect(gain);
  oscillator.start(at);
  oscillator.stop(at + 0.65);
  return new Promise((done) => {
    oscillator.onended = () => done();
  });
}

/** Camera, microphone, speaker, and whether one of them hears the other. */
import type { DeviceFact, Facts } from "./facts";
import { type Finding, found } from "./finding";

export function onDevices({ camera, microphone, speakers, echo }: Facts): readonly Finding[] {
  const findings: Finding[] = [];
  if (camera !== null) findings.push(onCamera(camera));
  if (microphone !== null) findings.push(onMicrophone(microphone));
  if (speakers !== null) {
    findings.push(speakers > 0 ? found("speaker-works", "fine") : found("speaker-missing", "warning"));
  } else if (microphone !== null) {
    findings.push(found("speaker-unknown", "unknown"));
  }
  // Without a working microphone there is nothing that could hear.
  if (echo !== null && microphone?.is === "works") {
    findings.push(isEcho(echo) ? found("echo", "warning") : found("no-echo", "fine"));
  }
  return findings;
}

/** A microphone that is open, and gives nothing at all, is switched off somewhere: real ones always hiss a little. */
export const SILENCE = 1e-5;
/** Loudness of the test tone's pitch, as an amplitude of 0 to 1, that nobody would take for noise. */
const AUDIBLE = 0.004;
/** By how much the tone must stand out from what was there before: 12 dB. */
const STANDS_OUT = 4;

/** The canceller takes the tone out where it works; what is left of it is what the others would hear. */
function isEcho({ before, during }: NonNullable<Facts["echo"]>): boolean {
  return during > AUDIBLE && during > STANDS_OUT * before;
}

function onCamera(camera: DeviceFact): Finding {
  if (camera.is === "works") return found("camera-works", "fine");
  // One can talk without a picture, and many machines have no camera.
  return found(`camera-${camera.problem}`, camera.problem === "missing" ? "warning" : "broken");
}

function onMicrophone(microphone: NonNullable<Facts["microphone"]>): Finding {
  if (microphone.is === "failed") return found(`microphone-${microphone.problem}`, "broken");
  const { level } = microphone;
  if (level !== undefined && level !== null && level < SILENCE) return found("microphone-silent", "warning");
  return found("microphone-works", "fine");
}

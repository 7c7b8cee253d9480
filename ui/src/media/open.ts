/** Opens a camera and a microphone, and says in one word why it could not. */
import type { DeviceProblem } from "../core/view-model";

export type Kind = "microphone" | "camera";

export type Opened = { ok: true; track: MediaStreamTrack } | { ok: false; problem: DeviceProblem };

/**
 * Wishes for both kinds in the same turn are asked for together, so that the person sees one question, not two. When
 * that fails, each is tried alone: a missing camera must not cost the microphone.
 */
export class Opener {
  private asked = new Map<Kind, { deviceId: string | null; done: (opened: Opened) => void }>();

  open(kind: Kind, deviceId: string | null): Promise<Opened> {
    return new Promise((done) => {
      if (this.asked.size === 0) queueMicrotask(() => void this.ask());
      this.asked.get(kind)?.done({ ok: false, problem: "unknown" });
      this.asked.set(kind, { deviceId, done });
    });
  }

  private async ask(): Promise<void> {
    const asked = this.asked;
    this.asked = new Map();
    const [microphone, camera] = [asked.get("microphone"), asked.get("camera")];
    if (microphone !== undefined && camera !== undefined) {
      const stream = await request({
        ...constraintsOf("microphone", microphone.deviceId),
        ...constraintsOf("camera", camera.deviceId),
      });
      if (stream.ok) {
        microphone.done(trackOf(stream.stream, "microphone"));
        camera.done(trackOf(stream.stream, "camera"));
        return;
      }
    }
    for (const [kind, { deviceId, done }] of asked) {
      const stream = await request(constraintsOf(kind, deviceId));
      done(stream.ok ? trackOf(stream.stream, kind) : stream);
    }
  }
}

/** The names are W3C Media Capture and Streams 10.3's, and those that browsers add to them. */
export function problemOf(error: unknown): DeviceProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return "denied";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    case "SecurityError":
      return "insecure";
    default:
      return "unknown";
  }
}

function constraintsOf(kind: Kind, deviceId: string | null): MediaStreamConstraints {
  // Ideal, not exact: a headset that is at home must not leave a person mute.
  const device = deviceId === null ? {} : { deviceId: { ideal: deviceId } };
  if (kind === "microphone") {
    return { audio: { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
  }
  return {
    video: {
      ...device,
      width: { ideal: 640, max: 1280 },
      height: { ideal: 480, max: 720 },
      frameRate: { ideal: 30, max: 30 },
    },
  };
}

async function request(
  constraints: MediaStreamConstraints,
): Promise<{ ok: true; stream: MediaStream } | { ok: false; problem: DeviceProblem }> {
  // Outside a secure context there is no such object at all.
  if (navigator.mediaDevices === undefined) return { ok: false, problem: "insecure" };
  try {
    return { ok: true, stream: await navigator.mediaDevices.getUserMedia(constraints) };
  } catch (error) {
    return { ok: false, problem: problemOf(error) };
  }
}

function trackOf(stream: MediaStream, kind: Kind): Opened {
  const [track] = kind === "microphone" ? stream.getAudioTracks() : stream.getVideoTracks();
  if (track === undefined) return { ok: false, problem: "missing" };
  // Some systems hand out a camera that another program holds, and end it at once.
  return track.readyState === "ended" ? { ok: false, problem: "busy" } : { ok: true, track };
}

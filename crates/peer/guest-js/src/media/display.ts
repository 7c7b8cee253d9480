// Screen capture: WebKitGTK asks the desktop's portal (xdg-desktop-portal) for it, and the person chooses there.

/** WebKitGTK's word for a screen that it did not get, although no page can constrain one so that none is left. */
const NONE = "OverconstrainedError";

/** The devices of screens that were captured: of a real one WebKitGTK tells no `displaySurface`, as it does of its mock's. */
const screens = new Set<string>();
/** Those that are remembered: more than anybody shares at once. */
const SCREENS = 64;

/** What was changed: WebKitGTK makes `navigator.mediaDevices` anew, as it was, once nobody holds it. */
const changed = new Set<MediaDevices>();

/**
 * Where there is no screen to be had, `getDisplayMedia` says what is missing, and where the person has chosen none, that
 * (Screen Capture 5.1, NotFoundError and NotAllowedError). `shared` tells whether the desktop shares screens at all.
 */
export function explainDisplays(
  shared: () => Promise<boolean>,
  devices: MediaDevices | undefined = navigator.mediaDevices,
): void {
  const capture = devices?.getDisplayMedia;
  if (!devices || !capture) return;
  changed.add(devices);
  Object.defineProperty(devices, "getDisplayMedia", {
    configurable: true,
    writable: true,
    // Not async itself: the webview wants to be asked within the person's gesture.
    value: function getDisplayMedia(this: MediaDevices, options?: DisplayMediaStreamOptions) {
      return capture.call(this, options).then(known, async (error: unknown) => {
        throw await explained(error, shared);
      });
    },
  });
}

function known(stream: MediaStream): MediaStream {
  for (const track of stream.getVideoTracks()) {
    const { deviceId } = track.getSettings();
    if (!deviceId) continue;
    screens.add(deviceId);
    for (const oldest of screens) if (screens.size > SCREENS) screens.delete(oldest);
  }
  return stream;
}

export async function explained(error: unknown, shared: () => Promise<boolean>): Promise<unknown> {
  if ((error as { name?: unknown } | null)?.name !== NONE) return error;
  const could = await shared().catch((why: unknown) => {
    console.warn("peer-connection: whether the desktop shares screens is unknown:", why);
    return false;
  });
  if (could) {
    // WebKitGTK gives each answer of the portal but the person's a hundredth of a second, and says no more than this.
    return new DOMException(
      "no screen was shared: none was chosen, or the desktop's portal did not answer in time",
      "NotAllowedError",
    );
  }
  return new DOMException(
    "no screen can be captured: the desktop has no portal with screen casts (xdg-desktop-portal and a backend for this desktop, and PipeWire)",
    "NotFoundError",
  );
}

/** Whether a track is of a screen or a window (Screen Capture 5.4). */
export function showsDisplay(track: MediaStreamTrack): boolean {
  const { deviceId, displaySurface } = track.getSettings() as MediaTrackSettings & {
    displaySurface?: string;
  };
  return displaySurface !== undefined || (deviceId !== undefined && screens.has(deviceId));
}

/**
 * The pictures of a captured screen, for whoever asks at the port: WebKitGTK stops the capture of a screen whose track
 * goes to a worker, so that this one stays here, in an element that nobody sees. An answer is null where nothing has
 * changed since the last one.
 */
export function displayFrames(track: MediaStreamTrack): { port: MessagePort; stop(): void } {
  const { port1, port2 } = new MessageChannel();
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  video.play().catch((error) => console.warn("peer-connection: the screen does not play:", error));
  let seen = 0;
  port1.onmessage = () => {
    const shown = video.getVideoPlaybackQuality().totalVideoFrames;
    if (shown === seen || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
      port1.postMessage(null);
      return;
    }
    seen = shown;
    try {
      const frame = new VideoFrame(video, { timestamp: Math.round(performance.now() * 1000) });
      port1.postMessage(frame, [frame]);
    } catch (error) {
      // Whoever asked asks again only when there was an answer.
      console.warn("peer-connection: a picture of the screen is left out:", error);
      port1.postMessage(null);
    }
  };
  const stop = () => {
    port1.close();
    video.srcObject = null;
    MediaStreamTrack.prototype.stop.call(track);
  };
  return { port: port2, stop };
}

/**
 * Two connections of one page, and what they show. Sent to the page as text together with what uses them (`inPage`), so they name nothing outside
 * of this file.
 */

/** Two connections that hear each other's candidates. */
export function openPair(): [RTCPeerConnection, RTCPeerConnection] {
  const [one, other] = [new RTCPeerConnection(), new RTCPeerConnection()];
  one.onicecandidate = ({ candidate }) => void other.addIceCandidate(candidate ?? undefined);
  other.onicecandidate = ({ candidate }) => void one.addIceCandidate(candidate ?? undefined);
  return [one, other];
}

/** A canvas of this size to draw on; one that is read `often` is kept where that costs least. */
export function paper(width: number, height: number, often = false): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const ink = canvas.getContext("2d", { willReadFrequently: often });
  if (!ink) throw new Error("no 2D canvas here");
  return ink;
}

/** Shows what comes, in an element of the page. */
export function screenOf(connection: RTCPeerConnection): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  video.autoplay = true;
  video.playsInline = true;
  document.body.append(video);
  connection.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
    void video.play();
  };
  return video;
}

/** One offer and its answer. */
export async function negotiate(one: RTCPeerConnection, other: RTCPeerConnection): Promise<void> {
  await one.setLocalDescription();
  if (one.localDescription) await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription();
  if (other.localDescription) await one.setRemoteDescription(other.localDescription);
}

/** A function that may use those above, and its arguments, as an expression for a page. */
export function inPage<A extends readonly number[]>(
  of: (...args: A) => Promise<unknown>,
  ...args: A
): string {
  const names = [openPair, paper, screenOf, negotiate].map(
    (each) => `const ${each.name} = ${each.toString()};`,
  );
  // Whatever ran this file may have marked its functions with a helper that a page does not have.
  return `((__name) => { ${names.join("\n")} return (${of.toString()})(${args.join(", ")}); })((marked) => marked)`;
}

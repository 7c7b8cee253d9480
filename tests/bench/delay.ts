/**
 * Runs inside a page: a canvas that draws the time is the camera of one connection, and the other end of it reads the time
 * off its <video>. Milliseconds from drawing to display, one for each new picture in ten seconds. To read so often takes more
 * of the processor than the call does, so whoever asks for that does not `look` (0).
 *
 * It is sent to the page as text (`inPage`), so it names nothing outside of itself but a pair.
 */
import { negotiate, openPair, paper, screenOf } from "./pair.ts";

export async function delayInPage(width: number, height: number, looks: number): Promise<number[]> {
  const BITS = 24;
  const WARM = 3_000;
  const LENGTH = 10_000;
  const ink = paper(width, height);
  const eye = paper(width, height, true);

  const columns = width / BITS;
  const draw = () => {
    const stamp = Math.round(performance.now());
    ink.fillStyle = `hsl(${(stamp / 20) % 360} 60% 40%)`;
    ink.fillRect(0, height / 2, width, height / 2);
    for (let bit = 0; bit < BITS; bit++) {
      ink.fillStyle = (stamp >> bit) & 1 ? "white" : "black";
      ink.fillRect(bit * columns, 0, columns, height / 2);
    }
  };
  draw();
  const stream = ink.canvas.captureStream(30);
  const [one, other] = openPair();
  const video = screenOf(other);
  for (const track of stream.getTracks()) one.addTrack(track, stream);
  await negotiate(one, other);

  const pen = setInterval(draw, 33);
  const delays: number[] = [];
  const began = performance.now();
  await new Promise<void>((done) => {
    let last = 0;
    const look = setInterval(() => {
      const now = performance.now();
      if (now - began > WARM + LENGTH) {
        clearInterval(look);
        done();
        return;
      }
      if (!looks) return;
      eye.drawImage(video, 0, 0, width, height);
      const row = eye.getImageData(0, height / 4, width, 1).data;
      let stamp = 0;
      for (let bit = 0; bit < BITS; bit++) {
        const middle = Math.floor((bit + 0.5) * columns) * 4;
        if ((row[middle] ?? 0) > 128) stamp |= 1 << bit;
      }
      if (stamp === last) return;
      last = stamp;
      const delay = now - stamp;
      // A picture caught in the middle of a change of bits reads as a time that never was.
      if (now - began > WARM && delay >= 0 && delay < 5_000) delays.push(delay);
    }, 4);
  });
  clearInterval(pen);
  one.close();
  other.close();
  video.remove();
  return delays;
}

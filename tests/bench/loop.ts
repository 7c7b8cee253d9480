/**
 * Run inside a page, between two connections of that page; sent to it as text (`inPage`), so that they name nothing outside
 * of themselves but a pair. Milliseconds of the page's clock.
 */
import { negotiate, openPair, paper, screenOf } from "./pair.ts";

export interface SetUp {
  /** From the offer to "connected" at both ends. */
  readonly connected: number;
  /** From the offer to the first picture decoded. */
  readonly firstFrame: number;
}

/** Sets up a connection with a picture, `count` times, one after the other. */
export async function setUpInPage(count: number): Promise<SetUp[]> {
  const ink = paper(640, 480);
  const pen = setInterval(() => ink.fillRect(Math.random() * 640, Math.random() * 480, 20, 20), 33);
  const [track] = ink.canvas.captureStream(30).getTracks();
  if (track === undefined) throw new Error("a canvas without a track");
  const found: SetUp[] = [];
  for (let round = 0; round < count; round++) {
    const [one, other] = openPair();
    const video = screenOf(other);
    const shown = new Promise<number>((done) => {
      video.onloadeddata = () => done(performance.now());
    });
    const connected = Promise.all(
      [one, other].map(
        (end) =>
          new Promise<void>((done) => {
            end.onconnectionstatechange = () => end.connectionState === "connected" && done();
          }),
      ),
    ).then(() => performance.now());
    one.addTrack(track);
    const began = performance.now();
    await negotiate(one, other);
    const [at, seen] = await Promise.all([connected, shown]);
    found.push({ connected: at - began, firstFrame: seen - began });
    one.close();
    other.close();
    video.remove();
  }
  clearInterval(pen);
  track.stop();
  return found;
}

export interface DataFigures {
  /** Megabytes, of a million bytes, a second, in messages of 64 KiB. */
  readonly megabytesPerSecond: number;
  /** Round trips of 100 bytes, one at a time. */
  readonly roundTrips: readonly number[];
}

/** One reliable and ordered data channel: round trips first, then `megabytes` as fast as they go. */
export async function dataInPage(megabytes: number): Promise<DataFigures> {
  const [one, other] = openPair();
  const channel = one.createDataChannel("bench");
  const far = new Promise<RTCDataChannel>((done) => {
    other.ondatachannel = (event) => done(event.channel);
  });
  const open = new Promise<void>((done) => {
    channel.onopen = () => done();
  });
  await negotiate(one, other);
  const [remote] = await Promise.all([far, open]);

  remote.onmessage = ({ data }) => remote.send(data);
  const roundTrips: number[] = [];
  for (let round = 0; round < 300; round++) {
    const sent = performance.now();
    await new Promise<void>((done) => {
      channel.onmessage = () => done();
      channel.send("x".repeat(100));
    });
    // The first ones warm things up.
    if (round >= 100) roundTrips.push(performance.now() - sent);
  }

  const PIECE = 64 * 1024;
  const total = Math.ceil((megabytes * 1e6) / PIECE) * PIECE;
  let come = 0;
  const all = new Promise<void>((done) => {
    remote.binaryType = "arraybuffer";
    remote.onmessage = ({ data }) => {
      come += (data as ArrayBuffer).byteLength;
      if (come === total) done();
    };
  });
  channel.bufferedAmountLowThreshold = 512 * 1024;
  const piece = new Uint8Array(PIECE);
  const began = performance.now();
  for (let sent = 0; sent < total; sent += PIECE) {
    if (channel.bufferedAmount > 2 * 1024 * 1024) {
      await new Promise<void>((done) => {
        channel.onbufferedamountlow = () => done();
      });
    }
    channel.send(piece);
  }
  await all;
  const seconds = (performance.now() - began) / 1000;
  one.close();
  other.close();
  return { megabytesPerSecond: total / 1e6 / seconds, roundTrips };
}

/** Opens `count` pairs with a data channel each, and keeps them for as long as the page lives. */
export async function holdInPage(count: number): Promise<void> {
  const kept: RTCPeerConnection[] = [];
  for (let pair = 0; pair < count; pair++) {
    const [one, other] = openPair();
    const channel = one.createDataChannel("held");
    const open = new Promise<void>((done) => {
      channel.onopen = () => done();
    });
    await negotiate(one, other);
    await open;
    kept.push(one, other);
  }
  (globalThis as { held?: unknown }).held = kept;
}

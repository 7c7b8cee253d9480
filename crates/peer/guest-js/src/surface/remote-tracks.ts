// What the remote sends: its tracks, the streams that they are part of, and what the page hears when these change.
import type { Snapshot } from "../wire";
import { type Change, diff } from "./diff";
import { TrackEvent } from "./events";
import type { Line } from "./line";
import type { Lines } from "./lines";

export class RemoteTracks {
  #target: EventTarget;
  #lines: Lines;
  #streams = new Map<string, MediaStream>();

  constructor(target: EventTarget, lines: Lines) {
    this.#target = target;
    this.#lines = lines;
  }

  /** What a snapshot changes. */
  compare(snapshot: Snapshot): Change {
    const known = this.#lines.all().flatMap((line) => {
      if (line.number === undefined) return [];
      const { number, receiving, remoteStreams: streams } = line;
      return [{ number, receiving, streams }];
    });
    return diff(known, snapshot);
  }

  /** Carries out what changed, and tells the page of it. */
  apply(change: Change): void {
    const line = (number: number) => this.#lines.byNumber(number);
    for (const [number, receiving] of change.receiving) {
      const one = line(number);
      if (one) one.receiving = receiving;
    }
    for (const number of change.muted) {
      const one = line(number);
      if (one) one.muted = true;
    }
    for (const { number, stream } of change.removed) this.#move(line(number), stream, "removetrack");
    for (const { number, stream } of change.added) this.#move(line(number), stream, "addtrack");
    for (const { number, streams } of change.tracks) {
      const one = line(number);
      if (!one || this.#lines.closed) continue;
      this.#lines.expect(one);
      const { receiver, transceiver } = one;
      this.#target.dispatchEvent(
        new TrackEvent("track", {
          receiver,
          track: receiver.track,
          streams: streams.map((id) => this.#stream(id)),
          transceiver,
        }),
      );
    }
    for (const number of change.vanished) {
      const one = line(number);
      if (one) this.#lines.remove(one);
    }
  }

  /** Puts a line's track into a remote stream, or takes it out. */
  #move(line: Line | undefined, id: string, event: "addtrack" | "removetrack"): void {
    if (!line) return;
    const stream = this.#stream(id);
    const { track } = line.receiver;
    if (event === "addtrack") {
      line.remoteStreams = [...line.remoteStreams, id];
      stream.addTrack(track);
    } else {
      line.remoteStreams = line.remoteStreams.filter((other) => other !== id);
      stream.removeTrack(track);
    }
    stream.dispatchEvent(new MediaStreamTrackEvent(event, { track }));
  }

  #stream(id: string): MediaStream {
    let stream = this.#streams.get(id);
    if (!stream) {
      stream = new MediaStream();
      Object.defineProperty(stream, "id", { configurable: true, enumerable: true, value: id });
      this.#streams.set(id, stream);
    }
    return stream;
  }
}

// Pictures that an encoder gets nothing out of. WebKitGTK 2.50's takes those of a canvas that is captured without a rate, and gives the first
// one alone; drawn once more they are pictures like any others.

/** Pictures in a row of which nothing comes out, while the encoder says that it has none left to do. */
const SILENT = 8;

/** Judges by what goes into an encoder and what comes out. */
export class Silence {
  #unanswered = 0;

  /** A picture goes in; true if it should not have been so quiet. `waiting`: what the encoder says that it has left to do. */
  asked(waiting: number): boolean {
    this.#unanswered++;
    return this.#unanswered > SILENT && waiting === 0;
  }

  /** Something came out, or the encoder is another one. */
  answered(): void {
    this.#unanswered = 0;
  }
}

/** Draws pictures once more. */
export class Redraw {
  #paper: OffscreenCanvas | undefined;

  frame(source: VideoFrame, timestamp: number): VideoFrame {
    const { displayWidth: width, displayHeight: height } = source;
    if (this.#paper?.width !== width || this.#paper.height !== height)
      this.#paper = new OffscreenCanvas(width, height);
    const ink = this.#paper.getContext("2d", { alpha: false });
    if (!ink) throw new Error("no canvas to draw a picture once more");
    ink.drawImage(source, 0, 0, width, height);
    return new VideoFrame(this.#paper, { timestamp });
  }
}

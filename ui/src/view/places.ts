/** Where each tile of a grid goes. Lengths are CSS pixels from the stage's top left corner. */
import { packTiles } from "../core/layout";

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const gap = 8;

/** The packing of `count` tiles that shows the most picture: 16:9 or 4:3, and squarer ones on a tall stage. Short rows are centred. */
export function places(count: number, width: number, height: number): Place[] {
  const ratios = width >= height ? [16 / 9, 4 / 3] : [16 / 9, 4 / 3, 1, 3 / 4];
  let best = packTiles(count, width, height, gap, ratios[0]);
  for (const ratio of ratios.slice(1)) {
    const other = packTiles(count, width, height, gap, ratio);
    if (other.width * other.height > best.width * best.height) best = other;
  }
  const top = (height - best.rows * best.height - (best.rows - 1) * gap) / 2;
  return Array.from({ length: best.width > 0 ? count : 0 }, (_, index) => {
    const row = Math.floor(index / best.columns);
    const inRow = Math.min(best.columns, count - row * best.columns);
    const left = (width - inRow * best.width - (inRow - 1) * gap) / 2;
    return {
      x: Math.round(left + (index % best.columns) * (best.width + gap)),
      y: Math.round(top + row * (best.height + gap)),
      width: best.width,
      height: best.height,
    };
  });
}

/** One person fills the stage, but never as a strip. */
export function whole(width: number, height: number): Place {
  const ratio = Math.min(2.2, Math.max(9 / 16, width / Math.max(1, height)));
  const wide = Math.round(Math.min(width, height * ratio));
  const tall = Math.round(Math.min(height, width / ratio));
  return { x: Math.round((width - wide) / 2), y: Math.round((height - tall) / 2), width: wide, height: tall };
}

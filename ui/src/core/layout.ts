/** How tiles share a stage. Lengths are CSS pixels. */
export interface Packing {
  readonly columns: number;
  readonly rows: number;
  /** Of one tile. */
  readonly width: number;
  readonly height: number;
}

/** The number of columns with the largest tiles of `ratio` (width / height) that fit, `gap` apart; of equals, the fewer rows' empty places. */
export function packTiles(count: number, width: number, height: number, gap = 8, ratio = 16 / 9): Packing {
  if (!(count > 0) || !(width > 0) || !(height > 0) || !(ratio > 0)) {
    return { columns: 0, rows: 0, width: 0, height: 0 };
  }
  let best: Packing = { columns: 1, rows: count, width: 0, height: 0 };
  let bestEmpty = Number.POSITIVE_INFINITY;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const room = (width - gap * (columns - 1)) / columns;
    const tall = (height - gap * (rows - 1)) / rows;
    const tile = Math.max(0, Math.floor(Math.min(room, tall * ratio)));
    const empty = columns * rows - count;
    if (tile > best.width || (tile === best.width && empty < bestEmpty)) {
      best = { columns, rows, width: tile, height: Math.floor(tile / ratio) };
      bestEmpty = empty;
    }
  }
  return best;
}

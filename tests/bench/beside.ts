/** Two pages side by side: one that has its peer connection from the Linux plugin, and one in Chromium. */
import { table } from "./report.ts";

/** One of the two pages, with the processes behind it. */
export interface End {
  readonly root: number;
  run<T>(script: string): Promise<T>;
}

/** One after the other, so that each has the machine. */
export async function both<T>(ours: End, theirs: End, measure: (end: End) => Promise<T>): Promise<[T, T]> {
  return [await measure(ours), await measure(theirs)];
}

export type Row = readonly [string, string, string, string];

export function row(what: string, ours: number, theirs: number, text: (value: number) => string): Row {
  return [what, text(ours), text(theirs), (ours / theirs).toFixed(2)];
}

export function show(title: string, rows: readonly Row[]): void {
  table(title, ["", "Linux plugin", "Chromium", "ratio"], rows);
}

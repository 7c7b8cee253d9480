import { expect, test } from "vitest";
import { BLOCK, PlayQueue } from "./queue";

const block = () => new Int16Array(BLOCK).fill(1000);

/** A queue whose answers come `late` ticks after they were asked for, unless `loses` says that they never do. */
function played(ticks: number, late: number, loses: (tick: number) => boolean) {
  const queue = new PlayQueue();
  const out = new Float32Array(BLOCK);
  const due: number[] = [];
  const heard: boolean[] = [];
  let most = 0;
  for (let tick = 0; tick < ticks; tick++) {
    for (let blocks = due[tick] ?? 0; blocks > 0; blocks--) queue.push(block());
    queue.pull(BLOCK, out, 0);
    heard.push(out[BLOCK - 1] !== 0);
    most = Math.max(most, queue.level / BLOCK);
    const { wanted } = queue.account();
    if (!loses(tick)) due[tick + late] = (due[tick + late] ?? 0) + wanted;
  }
  return { heard, most, silent: (from: number) => heard.slice(from).filter((sound) => !sound).length };
}

test("a steady exchange is heard without a hole, and little waits", () => {
  for (const late of [1, 2]) {
    const { silent, most } = played(2000, late, () => false);
    expect(silent(20)).toBe(0);
    expect(most).toBeLessThanOrEqual(5);
  }
});

test("ticks that are given up, all or some, do not silence a voice for ever", () => {
  const all = played(1000, 1, (tick) => tick >= 200 && tick < 300);
  expect(all.silent(0)).toBeGreaterThan(90);
  expect(all.silent(360)).toBe(0);
  const some = played(3000, 1, (tick) => tick % 7 === 0 && tick < 1000);
  expect(some.silent(1100)).toBe(0);
});

test("what comes late and all at once is cut to what is worth hearing", () => {
  const queue = new PlayQueue();
  for (let count = 0; count < 500; count++) queue.push(block());
  expect(queue.level / BLOCK).toBe(50);
  const out = new Float32Array(BLOCK);
  for (let tick = 0; tick < 50; tick++) queue.pull(BLOCK, out, 0);
  expect(queue.level).toBe(0);
});

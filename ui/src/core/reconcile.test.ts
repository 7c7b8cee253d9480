import { describe, expect, test } from "vitest";
import { Reconciler } from "./reconcile";

describe("devices are reconciled", () => {
  test("one change at a time, and of the wishes meanwhile only the last", async () => {
    const done: number[] = [];
    let release = () => {};
    const reconciler = new Reconciler<number>(async (wish) => {
      await new Promise<void>((go) => {
        release = go;
      });
      done.push(wish);
    });
    reconciler.want(1);
    await Promise.resolve();
    for (const wish of [2, 3, 4]) reconciler.want(wish);
    while (done.length < 2) {
      release();
      await Promise.resolve();
    }
    await reconciler.settled();
    expect(done).toEqual([1, 4]);
  });

  test("work learns that it is unwanted", async () => {
    const seen: boolean[] = [];
    const reconciler = new Reconciler<number>(async (wish, superseded) => {
      if (wish === 1) reconciler.want(2);
      seen.push(superseded());
    });
    reconciler.want(1);
    await reconciler.settled();
    expect(seen).toEqual([true, false]);
  });
});

import { defineConfig } from "vitest/config";

/**
 * The slow half: real binaries, real browsers, real windows. One file at a time: each of them fills two cores by itself.
 * The time limits are for machines that are busy with something else, and nothing asserts on them.
 */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["browser/**/*.test.ts", "desktop/**/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 360_000,
    hookTimeout: 360_000,
    // On a machine that stands still for seconds a socket may be given up, which is not what a test is about.
    retry: 1,
  },
});

import { defineConfig } from "vitest/config";

/** The fast half: pure TypeScript, no browser, no window. */
export default defineConfig({
  test: {
    include: ["ui/src/**/*.test.ts", "crates/peer/guest-js/src/**/*.test.ts"],
    environment: "node",
  },
});

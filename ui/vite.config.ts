import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { integrity } from "./integrity.ts";
import manifest from "./package.json" with { type: "json" };

/** One source, two pages: `--mode web` for guests (served by snug-server), `--mode desktop` for the Tauri shell. */
export default defineConfig(({ mode }) => {
  const desktop = mode === "desktop";
  return {
    root: import.meta.dirname,
    base: "/",
    plugins: [svelte(), ...(desktop ? [] : [integrity()])],
    // A constant, so that the other host and all it imports are dropped from the bundle.
    define: {
      __SNUG_DESKTOP__: JSON.stringify(desktop),
      __SNUG_VERSION__: JSON.stringify(manifest.version),
    },
    clearScreen: false,
    server: { port: 1420, strictPort: true },
    build: {
      outDir: desktop ? "dist/desktop" : "dist/web",
      emptyOutDir: true,
      target: "es2023",
      // These know `light-dark()`; translated for older ones, it could not follow a dark part of a light page.
      cssTarget: ["chrome123", "safari17.5", "firefox121"],
      // A strict CSP has no room for data: scripts, and the fonts and icons are cached better as files.
      assetsInlineLimit: 0,
      // One style, which the page can vouch for; those of later parts would come without.
      cssCodeSplit: false,
      modulePreload: { polyfill: false },
    },
  };
});

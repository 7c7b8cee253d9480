// Builds the page that installs the plugin and then becomes a test.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at("page"),
  base: "/",
  worker: { format: "es" },
  resolve: { alias: { "tauri-plugin-peer-connection-api": at("../../crates/peer/guest-js/src/index.ts") } },
  build: { target: "es2022", assetsInlineLimit: 0, emptyOutDir: true },
});

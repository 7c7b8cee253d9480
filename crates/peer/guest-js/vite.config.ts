// Builds the probe's page (../examples/probe/page) from these sources, as an application would.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at("../examples/probe/page"),
  base: "/",
  worker: { format: "es" },
  resolve: { alias: { "tauri-plugin-peer-connection-api": at("src/index.ts"), "@peer": at("src") } },
  build: { outDir: at("../examples/probe/dist"), emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  test: { root: at("."), include: ["src/**/*.test.ts"] },
});

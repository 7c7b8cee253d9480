import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  // The media worker is a module.
  worker: { format: "es" },
  // The CSP has no room for data: addresses.
  build: { target: "es2022", assetsInlineLimit: 0 },
});

// Frames of the page's own origin get the interfaces that it has installed (guest-js/src/index.ts).
(() => {
  if (window === window.parent) return;
  const key = Symbol.for("tauri-plugin-peer-connection");
  let interfaces;
  try {
    interfaces = window.parent[key];
  } catch {
    // Of another origin: none of its business.
  }
  if (!interfaces) return;
  for (const [name, value] of Object.entries(interfaces)) {
    if (!(name in window)) Object.defineProperty(window, name, { configurable: true, writable: true, value });
  }
  Object.defineProperty(window, key, { value: interfaces });
})();

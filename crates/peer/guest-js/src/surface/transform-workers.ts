// Lets the page's own workers hear `rtctransform`: their scripts run behind ours.
import shimUrl from "../worker/transform-shim.ts?worker&url";

/**
 * Replaces `Worker`, so that a worker of this origin begins with `worker/transform-shim.ts`, which then runs the
 * worker's script. Scripts from elsewhere (`blob:`, `data:`) are left alone: no policy that allows them need allow
 * to import them as well.
 */
export function wrapWorkers(): void {
  const Native = globalThis.Worker;
  const wrapped = new Proxy(Native, {
    construct(target, given: unknown[], newTarget) {
      const [script, options] = given as [unknown, (WorkerOptions & object) | undefined];
      const url = given.length > 0 ? ownScript(script) : undefined;
      if (!url) return Reflect.construct(target, given, newTarget);
      const classic = (options?.type ?? "classic") === "classic";
      const own = new URL(shimUrl, location.href);
      // A development server gives modules.
      const module = own.searchParams.has("worker_file");
      own.hash = encodeURIComponent(JSON.stringify({ url, classic }));
      return Reflect.construct(
        target,
        [own.href, { ...options, type: classic && !module ? "classic" : "module" }],
        newTarget,
      );
    },
  });
  Object.defineProperty(Native.prototype, "constructor", {
    configurable: true,
    writable: true,
    value: wrapped,
  });
  Object.defineProperty(globalThis, "Worker", { configurable: true, writable: true, value: wrapped });
}

/** The whole address of a script of this origin. */
function ownScript(script: unknown): string | undefined {
  try {
    const url = new URL(String(script), document.baseURI);
    return url.origin === location.origin && /^(https?|tauri):$/.test(url.protocol) ? url.href : undefined;
  } catch {
    // The browser's own constructor has the error for it.
    return undefined;
  }
}

/** Waits that end when the examination is cancelled. */

/** Rejects with the signal's reason when it is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    if (signal.aborted) {
      fail(signal.reason as Error);
      return;
    }
    const cancelled = () => {
      clearTimeout(timer);
      fail(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", cancelled);
      done();
    }, ms);
    signal.addEventListener("abort", cancelled, { once: true });
  });
}

/** True when `thing` came within `ms`. */
export async function within(thing: Promise<unknown>, ms: number, signal: AbortSignal): Promise<boolean> {
  const scope = new AbortController();
  try {
    const both = AbortSignal.any([signal, scope.signal]);
    return await Promise.race([thing.then(() => true), pause(ms, both).then(() => false)]);
  } finally {
    scope.abort(new Error("it came in time"));
  }
}

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

/** What `thing` comes to. Rejects with the signal's reason when that is aborted first. */
export function unless<T>(signal: AbortSignal, thing: Promise<T>): Promise<T> {
  return new Promise((done, fail) => {
    const cancelled = () => fail(signal.reason as Error);
    if (signal.aborted) cancelled();
    signal.addEventListener("abort", cancelled, { once: true });
    thing.then(done, fail).finally(() => signal.removeEventListener("abort", cancelled));
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

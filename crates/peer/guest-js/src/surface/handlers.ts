// Event handler attributes (`onname`) for classes of our own, and tasks.

type Callback = (this: unknown, event: Event) => unknown;
type Handler = Callback | object | null;

/** Defines an `on…` attribute for each event name, with the order of listeners that HTML asks for. */
export function handlerAttributes(
  // biome-ignore lint/suspicious/noExplicitAny: any class will do.
  type: abstract new (...args: any) => EventTarget,
  names: string[],
): void {
  const own = (self: unknown): EventTarget => {
    // Attributes of the global object are set without naming it.
    const target = self ?? globalThis;
    if (!(target instanceof type)) throw new TypeError("Illegal invocation");
    return target;
  };
  for (const name of names) {
    const set = new WeakMap<EventTarget, { handler: NonNullable<Handler>; listener: EventListener }>();
    const { get, set: put } = Object.getOwnPropertyDescriptor(
      {
        get [`on${name}`](): Handler {
          return set.get(own(this))?.handler ?? null;
        },
        set [`on${name}`](handler: unknown) {
          const target = own(this);
          const former = set.get(target);
          // Anything but an object stands for null ([LegacyTreatNonObjectAsNull]).
          if ((typeof handler !== "function" && typeof handler !== "object") || handler === null) {
            if (former) target.removeEventListener(name, former.listener);
            set.delete(target);
            return;
          }
          if (former) {
            former.handler = handler;
            return;
          }
          const entry = {
            handler: handler as NonNullable<Handler>,
            listener: (event: Event) => {
              if (typeof entry.handler !== "function") return;
              if ((entry.handler as Callback).call(target, event) === false) event.preventDefault();
            },
          };
          set.set(target, entry);
          target.addEventListener(name, entry.listener);
        },
      },
      `on${name}`,
    ) as Required<Pick<PropertyDescriptor, "get" | "set">>;
    Object.defineProperty(type.prototype, `on${name}`, {
      configurable: true,
      enumerable: true,
      get,
      set: put,
    });
  }
}

const waiting: (() => void)[] = [];
let wake: (() => void) | undefined;

/**
 * Runs `task` after the current one and all its promise reactions, in the order of the calls. A message may be slower
 * than a timer, and timers all but stop in a page that is not seen: whichever comes first does it.
 */
export function queueTask(task: () => void): void {
  waiting.push(task);
  if (!wake) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = next;
    // Where a process ends when nothing is left to do, this must not hold it.
    (port1 as { unref?(): void }).unref?.();
    wake = () => port2.postMessage(null);
  }
  wake();
  setTimeout(next);
}

function next(): void {
  waiting.shift()?.();
}

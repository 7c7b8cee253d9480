// Event handler attributes (`onname`) for classes of our own, and tasks.

type Handler = ((this: unknown, event: Event) => unknown) | null;

/** Defines an `on…` attribute for each event name, with the order of listeners that HTML asks for. */
export function handlerAttributes(prototype: EventTarget, names: string[]): void {
  for (const name of names) {
    const set = new WeakMap<EventTarget, { handler: NonNullable<Handler>; listener: EventListener }>();
    Object.defineProperty(prototype, `on${name}`, {
      configurable: true,
      enumerable: true,
      get(this: EventTarget): Handler {
        return set.get(this)?.handler ?? null;
      },
      set(this: EventTarget, handler: unknown) {
        const former = set.get(this);
        if (typeof handler !== "function") {
          if (former) this.removeEventListener(name, former.listener);
          set.delete(this);
          return;
        }
        if (former) {
          former.handler = handler as NonNullable<Handler>;
          return;
        }
        const entry = {
          handler: handler as NonNullable<Handler>,
          listener: (event: Event) => {
            entry.handler.call(this, event);
          },
        };
        set.set(this, entry);
        this.addEventListener(name, entry.listener);
      },
    });
  }
}

/** Runs `task` after the current one and all its promise reactions. */
export function queueTask(task: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    task();
  };
  port2.postMessage(null);
}

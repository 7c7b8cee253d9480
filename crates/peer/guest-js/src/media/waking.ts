// The AudioContext runs while somebody is heard or speaks, and sleeps otherwise: a stream that is open to the sound server keeps
// the processor busy, and the system awake.

/** Milliseconds for which nobody may need it before it sleeps: what follows at once is not to wait for it. */
export const LINGER = 2_000;

const GESTURES = ["pointerdown", "keydown"];

export class Waking {
  #context: AudioContext;
  #users = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Done once the context sleeps, if it is to. */
  #asleep: Promise<void> | undefined;
  #unheard: (() => void) | undefined;

  constructor(context: AudioContext) {
    this.#context = context;
    this.#linger();
  }

  /**
   * Keeps the context awake until the function that is given back is called. Where the engine wants a gesture of the user or
   * a granted microphone first, the next gesture wakes it.
   */
  keep(): () => void {
    this.#users++;
    clearTimeout(this.#timer);
    this.#wake();
    let keeps = true;
    return () => {
      if (!keeps) return;
      keeps = false;
      if (--this.#users === 0) this.#linger();
    };
  }

  #linger(): void {
    this.#timer = setTimeout(() => {
      this.#unheard?.();
      this.#asleep = this.#context
        .suspend()
        .catch((error) => console.warn("peer-connection: the audio does not rest:", error));
    }, LINGER);
  }

  #wake(): void {
    if ((this.#context.state === "running" && !this.#asleep) || this.#unheard) return;
    const awake = () => {
      if (this.#context.state === "running") this.#unheard?.();
    };
    const resume = () => {
      this.#context
        .resume()
        .then(awake)
        .catch((error) => console.warn("peer-connection: no audio yet:", error));
    };
    for (const gesture of GESTURES) addEventListener(gesture, resume, { capture: true });
    this.#unheard = () => {
      this.#unheard = undefined;
      for (const gesture of GESTURES) removeEventListener(gesture, resume, { capture: true });
    };
    const asleep = this.#asleep;
    this.#asleep = undefined;
    if (asleep) asleep.then(resume);
    else resume();
  }
}

/** Whether the person has left pointer and keys alone for a while, so that the chrome may fade. */
export class Stillness {
  still = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #after: number;

  /** `after` is in milliseconds. */
  constructor(after = 3000) {
    this.#after = after;
  }

  /** An attachment: watches an element until it goes. */
  watch = (element: HTMLElement): (() => void) => {
    const stir = () => this.#stir();
    const events = ["pointermove", "pointerdown", "keydown", "focusin"] as const;
    for (const event of events) element.addEventListener(event, stir, { passive: true });
    window.addEventListener("keydown", stir);
    stir();
    return () => {
      clearTimeout(this.#timer);
      for (const event of events) element.removeEventListener(event, stir);
      window.removeEventListener("keydown", stir);
    };
  };

  #stir() {
    // Written without being read: an attachment that reads it would start over at every change.
    this.still = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.still = true;
    }, this.#after);
  }
}

/**
 * Brings something slow (a device) to the last wish: one change at a time, and of the wishes that come meanwhile only
 * the last one counts. Quick toggles therefore end where the person ended.
 */
export class Reconciler<Wish> {
  private next: { wish: Wish } | null = null;
  private running: Promise<void> | null = null;

  /** `apply` must not reject; `superseded` tells it that its work is already unwanted. */
  constructor(private readonly apply: (wish: Wish, superseded: () => boolean) => Promise<void>) {}

  want(wish: Wish): void {
    this.next = { wish };
    this.running ??= this.run();
  }

  /** Resolves when the last wish is fulfilled. */
  settled(): Promise<void> {
    return this.running ?? Promise.resolve();
  }

  private async run(): Promise<void> {
    try {
      // Wishes made in one turn of the event loop are one wish.
      await Promise.resolve();
      while (this.next !== null) {
        const { wish } = this.next;
        this.next = null;
        await this.apply(wish, () => this.next !== null);
      }
    } finally {
      this.running = null;
    }
  }
}

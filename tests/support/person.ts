/** Somebody in a call, in the app or as a guest, as their page counts what comes. */
import type { Insight, PeerInsight } from "../../ui/src/inspect.ts";

/** For machines that are busy with something else, or with a room of four; what is waited for comes much sooner. */
const PATIENCE = 300_000;
/** Milliseconds between two looks. To look costs a page something, and is to take nothing from the call. */
const GLANCE = 250;

export type Peers = ReadonlyMap<string, PeerInsight>;

export abstract class Person {
  protected constructor(readonly name: string) {}

  /** What the page counts (`window.__snug`). */
  abstract stats(): ReturnType<Insight["stats"]>;

  /** Lets time pass in the page. */
  protected abstract pass(milliseconds: number): Promise<void>;

  /** Waits until what is known of the others, by their names, is as the condition asks. */
  async until(what: string, condition: (peers: Peers) => boolean): Promise<Peers> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const { peers } = await this.stats();
      const byName = new Map(peers.map((peer) => [peer.name, peer]));
      if (condition(byName)) return byName;
      if (Date.now() > deadline) {
        throw new Error(`${this.name} waited in vain until ${what}: ${JSON.stringify(peers)}`);
      }
      await this.pass(GLANCE);
    }
  }

  /** `frames` more pictures, and sound that is not silence, from each of `names`. */
  async hearsAndSees(names: string | readonly string[], frames = 60): Promise<void> {
    await this.receives([names].flat(), frames, 1e-4);
  }

  /** `frames` more pictures from `name`, who may be silent. */
  async sees(name: string, frames = 60): Promise<void> {
    await this.receives([name], frames, 0);
  }

  /** Waits until the server has given `count` others, and nobody else, a seat. */
  async untilSeated(count: number): Promise<void> {
    await this.until(`${count} others are seated`, (peers) => {
      const all = [...peers.values()];
      return all.length === count && all.every(({ seat }) => seat === "here");
    });
  }

  private async receives(names: readonly string[], frames: number, energy: number): Promise<void> {
    const { peers: before } = await this.stats();
    await this.until(`${frames} frames and sound came from ${names.join(" and ")}`, (peers) =>
      names.every((name) => {
        const then = before.find((peer) => peer.name === name);
        const now = peers.get(name);
        return (
          now !== undefined &&
          now.framesDecoded - (then?.framesDecoded ?? 0) >= frames &&
          now.audioEnergy - (then?.audioEnergy ?? 0) >= energy
        );
      }),
    );
  }
}

/** `frames` more pictures and sound, from each to each. */
export async function allHearAndSee(people: readonly Person[], frames = 60): Promise<void> {
  const others = (one: Person) => people.filter((other) => other !== one).map(({ name }) => name);
  await Promise.all(people.map((one) => one.hearsAndSees(others(one), frames)));
}

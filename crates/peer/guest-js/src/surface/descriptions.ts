// The four descriptions of one connection, and the objects that show them to the page.
import type { Description, Snapshot } from "../wire";
import { SessionDescription } from "./description";
import type { Described } from "./lines";
import { alike } from "./sdp";

export class Descriptions {
  #currentLocal: Description | null = null;
  #pendingLocal: Description | null = null;
  #currentRemote: Description | null = null;
  #pendingRemote: Description | null = null;
  #shown = new WeakMap<Description, SessionDescription>();

  get currentLocal(): Description | null {
    return this.#currentLocal;
  }
  get pendingLocal(): Description | null {
    return this.#pendingLocal;
  }
  get currentRemote(): Description | null {
    return this.#currentRemote;
  }
  get pendingRemote(): Description | null {
    return this.#pendingRemote;
  }
  /** The pending one of a side, or else its current one. */
  get local(): Description | null {
    return this.#pendingLocal ?? this.#currentLocal;
  }
  get remote(): Description | null {
    return this.#pendingRemote ?? this.#currentRemote;
  }

  /** The texts of the descriptions that media follows now. */
  get inForce(): Described {
    const agreed = (one: Description | null) => (one && one.type !== "offer" ? one : null);
    const local = agreed(this.#pendingLocal) ?? this.#currentLocal;
    const remote = agreed(this.#pendingRemote) ?? this.#currentRemote;
    const answer = local?.type === "offer" ? remote : local;
    return { local: local?.sdp ?? "", remote: remote?.sdp ?? "", answer: answer?.sdp ?? "" };
  }

  /** What the page sees of a description: the same object as long as its text stays the same. */
  show(description: Description | null): SessionDescription | null {
    if (!description) return null;
    let shown = this.#shown.get(description);
    if (!shown) {
      shown = new SessionDescription(description);
      this.#shown.set(description, shown);
    }
    return shown;
  }

  /** Takes over what Rust says that they are now. */
  take(snapshot: Snapshot): void {
    const [currentLocal, pendingLocal] = [this.#currentLocal, this.#pendingLocal];
    const [currentRemote, pendingRemote] = [this.#currentRemote, this.#pendingRemote];
    this.#currentLocal = kept(snapshot.currentLocal, currentLocal, pendingLocal);
    this.#pendingLocal = kept(snapshot.pendingLocal, pendingLocal, currentLocal);
    this.#currentRemote = kept(snapshot.currentRemote, currentRemote, pendingRemote);
    this.#pendingRemote = kept(snapshot.pendingRemote, pendingRemote, currentRemote);
  }

  /** Gives a description the text that candidates were written into. */
  rewrite(description: Description, sdp: string): void {
    if (sdp === description.sdp) return;
    description.sdp = sdp;
    this.#shown.delete(description);
  }
}

/** A description that the page knows already is still that one, with the candidates it has got meanwhile. */
function kept(next: Description | null, ...former: (Description | null)[]): Description | null {
  if (!next) return null;
  return former.find((one) => one && one.type === next.type && alike(one.sdp, next.sdp)) ?? next;
}

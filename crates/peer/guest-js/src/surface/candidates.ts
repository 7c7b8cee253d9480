// The ICE candidates of one connection: the remote's go to Rust, and those of both ends into their descriptions.
import type { Description } from "../wire";
import type { OperationsChain } from "./chain";
import type { Commands } from "./commands";
import type { Descriptions } from "./descriptions";
import { endOfCandidates, parseSdp, type Section, withCandidate } from "./sdp";
import type { Transport } from "./transports";

export class Candidates {
  #chain: OperationsChain;
  #commands: Commands;
  #descriptions: Descriptions;
  #transport: Transport;
  /** The last candidate of the remote's is with Rust. */
  #added: Promise<unknown> = Promise.resolve();

  constructor(chain: OperationsChain, commands: Commands, descriptions: Descriptions, transport: Transport) {
    this.#chain = chain;
    this.#commands = commands;
    this.#descriptions = descriptions;
    this.#transport = transport;
  }

  /** Its turn in the chain is over once it is told: those behind it are carried out after it in any case. */
  async add(init: RTCIceCandidateInit): Promise<void> {
    const { candidate } = init;
    const { sections, told } = await this.#chain.enqueue(async () => {
      const { remote } = this.#descriptions;
      if (!remote) throw new DOMException("there is no remote description", "InvalidStateError");
      const sections = this.#sectionsOf(init, remote);
      // Chromium's own syntax errors are OperationErrors too.
      if (candidate && !/^(a=)?candidate:\S+ \d+ \S+ \d+ \S+ \d+ typ \S+/.test(candidate))
        throw new DOMException("the candidate is malformed", "OperationError");
      const told = candidate ? this.#commands.send({ type: "add-candidate", candidate: init }) : this.#added;
      this.#added = told.catch(() => {
        // Whoever added it has the error.
      });
      return { sections, told };
    });
    try {
      await told;
    } catch (error) {
      if (!this.#chain.closed) throw error;
    }
    // As the chain does it: what is over by now is kept to itself.
    if (this.#chain.closed) return new Promise(() => {});
    if (candidate) this.#transport.add("remote", init);
    for (const one of [this.#descriptions.pendingRemote, this.#descriptions.currentRemote]) {
      if (!one) continue;
      const sdp = candidate ? withCandidate(one.sdp, init) : endOfCandidates(one.sdp, sections);
      this.#descriptions.rewrite(one, sdp);
    }
  }

  /** Writes a found candidate into the local description; null for the end of them. */
  found(candidate: RTCIceCandidateInit | null): void {
    const { local } = this.#descriptions;
    if (!local) return;
    if (candidate) {
      this.#descriptions.rewrite(local, withCandidate(local.sdp, candidate));
      return;
    }
    const first = parseSdp(local.sdp).sections.findIndex(({ rejected }) => !rejected);
    if (first >= 0) this.#descriptions.rewrite(local, endOfCandidates(local.sdp, [first]));
  }

  /** The sections that a candidate is for; one without a section is for all of them. */
  #sectionsOf(init: RTCIceCandidateInit, remote: Description): number[] {
    const { sections } = parseSdp(remote.sdp);
    const { sdpMid, sdpMLineIndex, usernameFragment } = init;
    const wrong = (what: string) => new DOMException(what, "OperationError");
    let chosen = sections.map((section, index) => ({ section, index }));
    if (chosen.length === 0 && !init.candidate) return [];
    if (sdpMid !== undefined && sdpMid !== null)
      chosen = chosen.filter(({ section }) => section.mid === sdpMid);
    else if (sdpMLineIndex !== undefined && sdpMLineIndex !== null)
      chosen = chosen.filter(({ index }) => index === sdpMLineIndex);
    if (chosen.length === 0) throw wrong("the candidate's section is not in the description");
    if (usernameFragment !== undefined && usernameFragment !== null) {
      const known = (section: Section) =>
        section.ufrag === usernameFragment || this.#ufrags(section.mid).includes(usernameFragment);
      if (!chosen.some(({ section }) => known(section)))
        throw wrong("the candidate is of another generation");
    }
    return chosen.map(({ index }) => index);
  }

  /** The generations of a section that either remote description knows. */
  #ufrags(mid: string | null): string[] {
    return [this.#descriptions.pendingRemote, this.#descriptions.currentRemote].flatMap((one) =>
      one
        ? parseSdp(one.sdp)
            .sections.filter((section) => section.mid === mid)
            .map(({ ufrag }) => ufrag)
        : [],
    );
  }
}

// What descriptions say of the transport, and which sections stand on it.
import type { Description, Snapshot } from "../wire";
import type { Channels } from "./channels";
import type { Descriptions } from "./descriptions";
import { queueTask } from "./handlers";
import type { Lines } from "./lines";
import { parseSdp } from "./sdp";
import { type DtlsTransport, Sctp, Transport } from "./transports";

export class Bundle {
  sctp: Sctp | null = null;
  /** What is known of SCTP, which may run before a description speaks of it. */
  #sctpState: "connecting" | "connected" | "closed" = "connecting";
  #maxChannels: number | null = null;
  #transport: Transport;
  #descriptions: Descriptions;
  #lines: Lines;
  #channels: Channels;
  /** All sections share one transport from the first offer on. */
  #always: boolean;
  /** What sections stand on whose transport will be bundled away, unless the remote cannot bundle. */
  #unbundled = new Set<Transport>();

  constructor(
    transport: Transport,
    descriptions: Descriptions,
    lines: Lines,
    channels: Channels,
    always: boolean,
  ) {
    this.#transport = transport;
    this.#descriptions = descriptions;
    this.#lines = lines;
    this.#channels = channels;
    this.#always = always;
  }

  setSctp(state: "connected" | "closed"): void {
    this.#sctpState = state;
    this.sctp?.setState(state);
  }

  setMaxChannels(most: number | null): void {
    this.#maxChannels = most;
    if (this.sctp) this.sctp.maxChannels = most;
  }

  close(): void {
    const { sctp } = this;
    if (sctp) queueTask(() => sctp.setState("closed"));
  }

  /** Takes over what a description of this type says of the transport, and whether it speaks of SCTP. */
  describe(snapshot: Snapshot, type: RTCSdpType): void {
    this.#describeTransport(snapshot, type);
    this.#describeSctp(snapshot);
  }

  /** Gives sections their transports: one for each until an answer has bundled them, or one for all. */
  assign(type: RTCSdpType): void {
    const alone = type === "offer" && !this.#always && !this.#descriptions.currentRemote;
    const { local } = this.#descriptions;
    const [first] = local ? parseSdp(local.sdp).sections.filter(({ rejected }) => !rejected) : [];
    const own = (is: boolean, former: DtlsTransport | null): DtlsTransport => {
      if (is || !alone) return this.#transport.dtls;
      if (former) return former;
      const transport = new Transport();
      this.#unbundled.add(transport);
      return transport.dtls;
    };
    for (const line of this.#lines.all()) {
      // One that was rolled back before it was ever agreed on has none any more.
      if (line.mid !== null) line.transport = own(line.mid === first?.mid, line.transport);
      else if (line.currentDirection === null) line.transport = null;
    }
    if (this.sctp) {
      const { face } = this.sctp;
      const is = first?.kind === "application";
      this.sctp.transport = own(is, this.sctp.transport === this.#transport.dtls ? null : face.transport);
    }
    if (alone) return;
    for (const transport of this.#unbundled) transport.discard();
    this.#unbundled.clear();
  }

  /** What the descriptions say of the transport: credentials, candidates, and who controls. */
  #describeTransport({ signalingState }: Snapshot, type: RTCSdpType): void {
    const transport = this.#transport;
    const { local, remote } = this.#descriptions;
    if (type === "offer" && transport.role === "unknown")
      transport.role = signalingState === "have-local-offer" ? "controlling" : "controlled";
    const first = (one: Description | null) =>
      one ? parseSdp(one.sdp).sections.find(({ rejected, ufrag }) => !rejected && ufrag !== "") : undefined;
    const [ours, theirs] = [first(local), first(remote)];
    if (ours) transport.setParameters("local", { usernameFragment: ours.ufrag, password: ours.pwd });
    if (!theirs || !remote) return;
    transport.setParameters("remote", { usernameFragment: theirs.ufrag, password: theirs.pwd });
    for (const section of parseSdp(remote.sdp).sections)
      for (const candidate of section.candidates)
        transport.add("remote", { candidate, sdpMid: section.mid, usernameFragment: section.ufrag });
  }

  #describeSctp({ sctp, signalingState }: Snapshot): void {
    if (!sctp) {
      this.sctp = null;
      return;
    }
    this.sctp ??= new Sctp(this.#transport.dtls, sctp.maxMessageSize);
    this.sctp.maxMessageSize = sctp.maxMessageSize;
    if (this.#sctpState !== "connecting" && signalingState === "stable") {
      this.sctp.maxChannels = this.#maxChannels;
      this.sctp.setState(this.#sctpState);
    }
    if (sctp.role) this.#channels.assign(sctp.role);
  }
}

// What Rust tells of one connection: its states, its candidates and its transport, and the events that come of it.
import type { PeerEvent } from "../wire";
import type { Bundle } from "./bundle";
import type { Candidates } from "./candidates";
import { IceCandidate } from "./description";
import { PeerConnectionIceErrorEvent, PeerConnectionIceEvent } from "./events";
import { queueTask } from "./handlers";
import type { Lines } from "./lines";
import type { Transport } from "./transports";

export class States {
  connection: RTCPeerConnectionState = "new";
  ice: RTCIceConnectionState = "new";
  gathering: RTCIceGatheringState = "new";
  #target: EventTarget;
  #transport: Transport;
  #lines: Lines;
  #candidates: Candidates;
  #bundle: Bundle;
  #closed = false;
  /** States that a transport cannot have before there is a candidate of the remote to try. */
  #withheld: PeerEvent[] = [];

  constructor(
    target: EventTarget,
    transport: Transport,
    lines: Lines,
    candidates: Candidates,
    bundle: Bundle,
  ) {
    this.#target = target;
    this.#transport = transport;
    this.#lines = lines;
    this.#candidates = candidates;
    this.#bundle = bundle;
    transport.remoteKnown = () => {
      if (this.#withheld.length > 0) queueTask(() => this.#release());
    };
  }

  close(): void {
    this.#closed = true;
    this.connection = "closed";
    this.ice = "closed";
  }

  /** Takes an event of the engine whose turn has come. */
  hear(event: PeerEvent): void {
    if (this.#closed) return;
    if (this.ice === "new" && "state" in event && event.type !== "ice-gathering-state") {
      const early = event.state === "checking" || event.state === "connecting";
      if (early && !this.#transport.tries) {
        this.#withheld.push(event);
        return;
      }
      this.#release();
    }
    this.#take(event);
  }

  #release(): void {
    for (const event of this.#withheld.splice(0)) if (!this.#closed) this.#take(event);
  }

  #take(event: PeerEvent): void {
    switch (event.type) {
      case "ice-candidate":
        this.#candidate(event.candidate);
        break;
      case "ice-candidate-error": {
        const { url, errorCode, errorText } = event;
        const init = { address: null, port: null, url, errorCode, errorText };
        this.#target.dispatchEvent(new PeerConnectionIceErrorEvent("icecandidateerror", init));
        break;
      }
      case "ice-gathering-state":
        if (event.state !== this.gathering) this.#gather(event.state);
        break;
      case "ice-connection-state":
        if (event.state === this.ice) break;
        this.ice = event.state;
        this.#transport.setIce(event.state);
        this.#tell("iceconnectionstatechange");
        break;
      case "connection-state":
        if (event.state === this.connection) break;
        this.connection = event.state;
        if (event.state === "connected") this.#lines.flow();
        this.#tell("connectionstatechange");
        break;
      case "dtls-state":
        if (event.state === "connected") this.#lines.flow();
        this.#transport.setDtls(event.state);
        break;
      case "sctp-state":
        this.#bundle.setSctp(event.state);
        break;
      case "transport":
        this.#connected(event);
        break;
    }
  }

  /** What is known of a transport once it is up. */
  #connected({ pair, certificates, maxChannels }: PeerEvent & { type: "transport" }): void {
    this.#transport.certificates = certificates.map(
      (der) => Uint8Array.from(atob(der), (character) => character.charCodeAt(0)).buffer as ArrayBuffer,
    );
    this.#bundle.setMaxChannels(maxChannels);
    if (pair)
      this.#transport.setPair({
        local: this.#transport.known("local", pair.local),
        remote: this.#transport.known("remote", pair.remote),
      } as unknown as RTCIceCandidatePair);
  }

  #gather(state: RTCIceGatheringState): void {
    this.gathering = state;
    this.#transport.setGathering(state);
    this.#tell("icegatheringstatechange");
  }

  /** Tells of a state, unless who heard of it from the transport has closed the connection. */
  #tell(event: string): void {
    if (!this.#closed) this.#target.dispatchEvent(new Event(event));
  }

  #candidate(init: RTCIceCandidateInit | null): void {
    this.#candidates.found(init);
    if (init) this.#transport.add("local", init);
    const candidate = init ? new IceCandidate({ sdpMLineIndex: 0, ...init }) : null;
    this.#target.dispatchEvent(new PeerConnectionIceEvent("icecandidate", { candidate }));
  }
}

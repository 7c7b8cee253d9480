/** The states that a peer connection goes through, for the timeline. */

const STATES = {
  signalingstatechange: ["signaling", "signalingState"],
  icegatheringstatechange: ["gathering", "iceGatheringState"],
  iceconnectionstatechange: ["ice", "iceConnectionState"],
  connectionstatechange: ["connection", "connectionState"],
} as const;

export function watchStates(pc: RTCPeerConnection, tell: (what: string, state: string) => void): void {
  for (const [event, [what, state]] of Object.entries(STATES)) {
    pc.addEventListener(event, () => tell(what, pc[state]));
  }
}

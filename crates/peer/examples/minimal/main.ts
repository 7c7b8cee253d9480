// Two ends of a call in one page. Between two machines, `description` and `candidate` would take your signaling's way.
import { install, supported } from "tauri-plugin-peer-connection-api";

async function call(): Promise<void> {
  // Where the webview has a peer connection of its own (Windows, macOS), there is nothing to install.
  if (supported()) await install();

  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  show("here", stream);
  const [caller, callee] = [new RTCPeerConnection(), new RTCPeerConnection()];
  caller.onicecandidate = ({ candidate }) => callee.addIceCandidate(candidate ?? undefined);
  callee.onicecandidate = ({ candidate }) => caller.addIceCandidate(candidate ?? undefined);
  caller.onconnectionstatechange = () => say(caller.connectionState);
  callee.ontrack = ({ streams: [remote] }) => remote && show("there", remote);

  for (const track of stream.getTracks()) caller.addTrack(track, stream);
  await caller.setLocalDescription();
  if (caller.localDescription) await callee.setRemoteDescription(caller.localDescription);
  await callee.setLocalDescription();
  if (callee.localDescription) await caller.setRemoteDescription(callee.localDescription);
}

function show(id: string, stream: MediaStream): void {
  const video = document.getElementById(id);
  if (video instanceof HTMLVideoElement) video.srcObject = stream;
}

function say(text: string): void {
  const state = document.getElementById("state");
  if (state) state.textContent = text;
}

document.getElementById("call")?.addEventListener("click", () => {
  call().catch((error) => say(String(error)));
});

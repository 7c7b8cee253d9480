// The example's page: "Call myself" connects two peer connections through Rust. What the end-to-end tests do lives in
// `probe.ts`, which also works in any browser that has its own RTCPeerConnection.
import { install, supported } from "tauri-plugin-peer-connection-api";
import * as libraries from "./libraries";
import * as pipelines from "./pipelines";
import * as probe from "./probe";
import * as sealing from "./sealing";

const ready = supported() ? install() : Promise.resolve();
Object.assign(window, { ready, probe, pipelines, libraries, sealing });

const state = document.querySelector<HTMLOutputElement>("#state");
const say = (text: string) => {
  if (state) state.value = text;
};

document.querySelector("#call")?.addEventListener("click", () => {
  ready.then(callMyself).catch((error) => say(String(error)));
});

async function callMyself(): Promise<void> {
  const [here, there] = [probe.open(), probe.open()];
  probe.wire(here, there);
  await probe.send(here);
  await probe.connected(here);
  say("connected");
}

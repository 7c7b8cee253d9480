/** What is wanted of the devices and what became of it: pure, shared by the lobby and the call. */
import type { MediaKind } from "../generated/MediaKind";
import type { DeviceChoices, DeviceLive, DevicesWish, MediaEvent } from "./ports";
import type { DevicesView, DeviceView } from "./view-model";

export interface Devices {
  readonly wish: DevicesWish;
  readonly microphone: DeviceLive;
  readonly camera: DeviceLive;
  readonly choices: DeviceChoices;
  /** Push-to-talk is held. */
  readonly talking: boolean;
}

export function newDevices(wish: DevicesWish): Devices {
  return {
    wish,
    microphone: OFF,
    camera: OFF,
    choices: { microphone: [], camera: [], speaker: null },
    talking: false,
  };
}

export function updateDevices(devices: Devices, event: MediaEvent): Devices {
  switch (event.type) {
    case "device":
      return { ...devices, [event.kind]: event.live };
    case "choices":
      return { ...devices, choices: event.choices };
    case "device-lost":
    case "link-signal":
    case "link-state":
    case "link-streams":
    case "samples":
    case "levels":
      return devices;
  }
}

/** The wish as `media/` is to fulfil it. */
export function effectiveWish({ wish, talking }: Devices): DevicesWish {
  return talking ? { ...wish, microphone: { ...wish.microphone, on: true } } : wish;
}

/** The kinds that nothing is sent of, as the room is told. */
export function mutedKinds(devices: Devices): readonly MediaKind[] {
  const { microphone, camera } = effectiveWish(devices);
  const kinds: MediaKind[] = [];
  if (!microphone.on || devices.microphone.state === "failed") kinds.push("audio");
  if (!camera.on || devices.camera.state === "failed") kinds.push("video");
  return kinds;
}

export function viewDevices(devices: Devices): DevicesView {
  const wish = effectiveWish(devices);
  const { choices } = devices;
  return {
    microphone: view(wish.microphone, devices.microphone, choices.microphone),
    camera: view(wish.camera, devices.camera, choices.camera),
    speaker:
      choices.speaker === null
        ? null
        : {
            on: true,
            state: "live",
            problem: null,
            choices: choices.speaker,
            chosen: wish.speaker ?? choices.speaker[0]?.deviceId ?? null,
          },
  };
}

const OFF: DeviceLive = { state: "off", problem: null, stream: null, deviceId: null };

function view(wish: DevicesWish["camera"], live: DeviceLive, choices: DeviceView["choices"]): DeviceView {
  return {
    on: wish.on,
    state: live.state,
    problem: live.problem,
    choices,
    chosen: live.deviceId ?? wish.deviceId ?? choices[0]?.deviceId ?? null,
  };
}

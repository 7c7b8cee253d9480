import ArrowRight from "@lucide/svelte/icons/arrow-right";
import Check from "@lucide/svelte/icons/check";
import DoorOpen from "@lucide/svelte/icons/door-open";
import House from "@lucide/svelte/icons/house";
import Keyboard from "@lucide/svelte/icons/keyboard";
import Link from "@lucide/svelte/icons/link";
import LogIn from "@lucide/svelte/icons/log-in";
import Mic from "@lucide/svelte/icons/mic";
import MicOff from "@lucide/svelte/icons/mic-off";
import Phone from "@lucide/svelte/icons/phone";
import RotateCw from "@lucide/svelte/icons/rotate-cw";
import Settings from "@lucide/svelte/icons/settings";
import Shield from "@lucide/svelte/icons/shield";
import Stethoscope from "@lucide/svelte/icons/stethoscope";
import Video from "@lucide/svelte/icons/video";
import VideoOff from "@lucide/svelte/icons/video-off";
import Volume2 from "@lucide/svelte/icons/volume-2";
import X from "@lucide/svelte/icons/x";
import type { IconName } from "../core/commands";

export const icons: Readonly<Record<IconName, typeof Mic>> = {
  "arrow-right": ArrowRight,
  check: Check,
  "door-open": DoorOpen,
  house: House,
  keyboard: Keyboard,
  link: Link,
  "log-in": LogIn,
  mic: Mic,
  "mic-off": MicOff,
  phone: Phone,
  "rotate-cw": RotateCw,
  settings: Settings,
  shield: Shield,
  stethoscope: Stethoscope,
  video: Video,
  "video-off": VideoOff,
  "volume-2": Volume2,
  x: X,
};

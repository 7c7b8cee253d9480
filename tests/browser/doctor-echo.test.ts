/**
 * The doctor hears echo in a call. What no machine for tests has is a person who talks and a room in which a speaker is heard:
 * those are made of sounds. All that measures, compares and tells is the real page.
 */
import { expect, test } from "vitest";
import type { Guest } from "./guest.ts";
import { house } from "./house.ts";
import { studio } from "./studio.ts";

const inn = house();

test("whoever has the echo is told, and so is the one who hears it; and nobody while there is none", async () => {
  const link = inn.room();
  const ann = await inn.open(link, "Ann", { scripts: [studio, talk] });
  await ann.join();
  await ann.press("Turn camera off");
  const ben = await inn.open(link, "Ben", { scripts: [studio, sitInARoom] });
  await ben.join();
  await ben.press("Turn camera off");
  await Promise.all([ann.tile("Ben").waitFor(), ben.tile("Ann").waitFor()]);

  // Unasked, too.
  await Promise.all([open(ann), open(ben)]);
  await finding(ben, "no-echo").waitFor({ state: "attached" });
  expect(await finding(ben, "echo").count()).toBe(0);
  expect(await finding(ann, "echo-returned").count()).toBe(0);

  await hearSpeaker(ben, 0.3);
  await finding(ben, "echo").waitFor();
  await ben.page.getByText("Your microphone hears your speaker").waitFor();
  await finding(ann, "echo-returned").waitFor();
  await ann.page.getByText("Ben's microphone picks up your voice").waitFor();
  // Ann's own microphone hears nobody, and Ben hears himself nowhere.
  expect(await finding(ann, "echo").count()).toBe(0);
  expect(await finding(ben, "echo-returned").count()).toBe(0);
  await ann.screenshot("guest-call-doctor-echo-returned");
  await ben.screenshot("guest-call-doctor-echo");

  await hearSpeaker(ben, 0);
  await Promise.all([
    finding(ben, "echo").waitFor({ state: "detached" }),
    finding(ann, "echo-returned").waitFor({ state: "detached" }),
  ]);
});

test("nothing is said of echo before anybody has talked", async () => {
  const link = inn.room();
  const ann = await inn.open(link, "Ann", { scripts: [studio, sitInARoom] });
  await ann.join();
  const ben = await inn.open(link, "Ben", { scripts: [studio, sitInARoom] });
  await ben.join();
  await ann.tile("Ben").waitFor();
  await open(ann);
  await ann.button("Check now").click();
  await ann.page.locator("[data-exam=done]").waitFor();
  await finding(ann, "echo-unknown").waitFor();
  // Nor where it cannot be known.
  await ann.press("Turn microphone off");
  await finding(ann, "echo-unknown").waitFor();
  expect(await finding(ann, "echo").count()).toBe(0);
  expect(await finding(ann, "no-echo").count()).toBe(0);
});

async function open(guest: Guest): Promise<void> {
  await guest.press("Connection check");
  await guest.page.locator("[data-doctor]").waitFor();
}

function finding(guest: Guest, code: string) {
  return guest.page.locator(`[data-finding=${code}]`);
}

/** How loud the microphone of a page that sits in a room hears what the page plays. */
async function hearSpeaker(guest: Guest, gain: number): Promise<void> {
  await guest.page.evaluate((value) => {
    const { room } = window as unknown as { room?: GainNode };
    if (room === undefined) throw new Error("this page sits in no room");
    room.gain.value = value;
  }, gain);
}

/** In the page: the microphone hears somebody who talks in syllables, in phrases, with pauses. */
function talk(): void {
  const { context, microphone } = window.studio;
  const seconds = 40;
  const sound = context.createBuffer(1, seconds * context.sampleRate, context.sampleRate);
  const samples = sound.getChannelData(0);
  let state = 7;
  const between = (least: number, most: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return least + (state / 2 ** 32) * (most - least);
  };
  for (let at = 0; at < samples.length; at += between(0.2, 0.8) * context.sampleRate) {
    for (const end = at + between(1, 3.5) * context.sampleRate; at < end; ) {
      const length = Math.round(between(0.11, 0.3) * context.sampleRate);
      const [loud, hertz] = [0.35 * 10 ** (between(-14, 0) / 20), between(100, 160)];
      for (let i = 0; i < length; i += 1) {
        const buzz = ((i * hertz) / context.sampleRate) % 1;
        samples[Math.round(at) + i] = loud * Math.sin((Math.PI * i) / length) ** 2 * (2 * buzz - 1);
      }
      at += length + (between(0, 1) < 0.25 ? between(0.03, 0.12) * context.sampleRate : 0);
    }
  }
  const mouth = context.createBufferSource();
  mouth.buffer = sound;
  mouth.loop = true;
  mouth.connect(microphone);
  mouth.start();
}

/** In the page: the microphone hisses, and hears what the page plays as loud as `room` says, late and dull. */
function sitInARoom(): void {
  const { context, microphone, listen } = window.studio;
  const room = context.createGain();
  room.gain.value = 0;
  const way = context.createDelay(1);
  way.delayTime.value = 0.18;
  const walls = context.createBiquadFilter();
  walls.frequency.value = 1_500;
  way.connect(walls).connect(room).connect(microphone);
  const noise = context.createBuffer(1, context.sampleRate, context.sampleRate);
  noise.getChannelData(0).forEach((_, i, samples) => {
    samples[i] = (Math.random() - 0.5) * 0.001;
  });
  const hiss = context.createBufferSource();
  hiss.buffer = noise;
  hiss.loop = true;
  hiss.connect(microphone);
  hiss.start();
  Object.assign(window, { room });
  listen(way);
}

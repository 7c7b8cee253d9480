/** The real guest page, in a real Chromium on a host of the laboratory. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openChromium } from "./chromium.mjs";
import { wait } from "./room.mjs";

/** For machines that are busy with something else; what is waited for comes much sooner. */
const PATIENCE = 120_000;

/** A browser with a camera and a microphone, for pages from this origin. */
export function openBrowser(site, origin) {
  return openChromium(
    site,
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${voice()}`,
    // Devices are for pages that came by TLS, which would add nothing here.
    `--unsafely-treat-insecure-origin-as-secure=${origin}`,
  );
}

/** A recording of syllables of three formants: the browser's own microphone only beeps, and is silent in between. */
function voice() {
  const rate = 48_000;
  const samples = 8 * rate;
  const wav = Buffer.alloc(44 + 2 * samples);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(36 + 2 * samples, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  // PCM, mono, 16 bit.
  for (const [value, at] of [
    [1, 20],
    [1, 22],
    [2, 32],
    [16, 34],
  ])
    wav.writeUInt16LE(value, at);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(2 * rate, 28);
  wav.write("data", 36);
  wav.writeUInt32LE(2 * samples, 40);
  let phase = 0;
  for (let n = 0; n < samples; n += 1) {
    const now = n / rate;
    phase += (130 + 25 * Math.sin(2 * Math.PI * 0.6 * now)) / rate;
    const syllable = 0.3 + 0.7 * Math.abs(Math.sin(2 * Math.PI * 2 * now));
    const vowel = Math.floor(now * 4) % 3;
    let sum = 0;
    for (let nth = 1; nth <= 20; nth += 1) {
      const near = FORMANTS[vowel].some((formant) => Math.abs(nth * 130 - formant) < 130);
      sum += ((near ? 1 : 0.1) * Math.sin(2 * Math.PI * nth * phase)) / Math.sqrt(nth);
    }
    wav.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sum * syllable * 0.15)) * 30_000), 44 + 2 * n);
  }
  const path = join(mkdtempSync(join(tmpdir(), "snug-lab-")), "voice.wav");
  writeFileSync(path, wav);
  return path;
}

/** Of three vowels, in hertz. */
const FORMANTS = [
  [700, 1_100],
  [300, 2_300],
  [500, 1_800],
];

/** A room that nobody else is in, and its place on a server; `sealed`: with a secret, as the app makes it. */
export function newRoom({ sealed = true } = {}) {
  const letters = "abcdefghjkmnpqrstuvwxyz";
  const word = (length) => Array.from(randomBytes(length), (byte) => letters[byte % letters.length]).join("");
  const name = `${word(3)}-${word(4)}-${word(3)}`;
  return { name, path: `/r/${name}${sealed ? `#${randomBytes(16).toString("base64url")}` : ""}` };
}

export class PageGuest {
  static async join(browser, link, name) {
    const context = await browser.newContext();
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    await page.addInitScript(watch);
    if (process.env.SNUG_TEST_LOGS) page.on("console", (said) => console.error(`[${name}] ${said.text()}`));
    await page.goto(link);
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: "Join", exact: true }).click();
    await page.getByRole("button", { name: "Leave", exact: true }).waitFor({ state: "attached" });
    return new PageGuest(context, page, name);
  }

  constructor(context, page, name) {
    this.context = context;
    this.page = page;
    this.name = name;
  }

  /** What its one link carries: the words of `flow` in crates/lab/src/media.rs. */
  async flow() {
    return this.page.evaluate(() => window.lab.flow());
  }

  /** Its one link, once `frames` more frames have come by it: the candidates' types at both ends. */
  async link(frames = 3) {
    const first = (await this.flow()).received;
    for (const deadline = Date.now() + PATIENCE; ; ) {
      const link = await this.flow();
      // Received and no more: what the app's guests of the laboratory send shows nothing.
      if (link.local !== undefined && link.received - first >= frames) return link;
      if (Date.now() > deadline) throw new Error(`${this.name} waits in vain: ${JSON.stringify(link)}`);
      await wait(200);
    }
  }

  async leave() {
    await this.context.close();
  }
}

/** Runs in the page before its own scripts: keeps its peer connections, and reads the one that is in use. */
function watch() {
  const made = [];
  const Own = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Own {
    constructor(...all) {
      super(...all);
      made.push(this);
    }
  };
  window.lab = {
    async flow() {
      const pc = made.findLast(({ connectionState }) => connectionState === "connected");
      if (pc === undefined) return { frames: 0, received: 0 };
      const stats = await pc.getStats();
      const all = [...stats.values()];
      const of = (type, kind) => all.find((one) => one.type === type && one.kind === kind) ?? {};
      const transport = all.find(({ type }) => type === "transport");
      const pair = stats.get(transport?.selectedCandidatePairId);
      const [video, voice, sent] = [
        of("inbound-rtp", "video"),
        of("inbound-rtp", "audio"),
        of("outbound-rtp", "video"),
      ];
      return {
        frames: video.framesDecoded ?? 0,
        received: video.framesReceived ?? 0,
        height: video.frameHeight,
        bytes: video.bytesReceived ?? 0,
        target: sent.targetBitrate ?? 0,
        voice: {
          totalSamplesReceived: voice.totalSamplesReceived,
          concealedSamples: voice.concealedSamples,
          fecPacketsReceived: voice.fecPacketsReceived,
          packetsLost: voice.packetsLost,
          packetsReceived: voice.packetsReceived,
          lackedSamples: 0,
        },
        local: stats.get(pair?.localCandidateId)?.candidateType,
        remote: stats.get(pair?.remoteCandidateId)?.candidateType,
      };
    },
  };
}

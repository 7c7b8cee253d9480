/** A guest: the real page in a real Chromium, used by what a person sees and reads. */

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import type { Insight } from "../../ui/src/inspect.ts";
import { ORDINARY, programOf } from "../support/ordinary.ts";
import { Person } from "../support/person.ts";

const SCREENS = new URL("../../target/screens/", import.meta.url).pathname;
const CHROMIUM = programOf("chromium", [...ORDINARY, process.env.SNUG_CHROMIUM ?? "/usr/bin/chromium"]);
/** For machines that are busy with something else; what is waited for comes much sooner. */
const PATIENCE = 120_000;

export interface BrowserWish {
  /** What the person answers when the page asks for camera and microphone. */
  permission?: "granted" | "denied";
  /** `broken`: there is a camera, but it does not start, as when another program holds it. */
  camera?: "fake" | "none" | "broken";
  /** Run in the page, in this order, before its own scripts: for what goes wrong in a browser itself. */
  scripts?: readonly (() => void)[];
}

export async function openBrowser({
  permission = "granted",
  camera = "fake",
}: BrowserWish = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Pages that nobody looks at are full citizens here.
      "--disable-background-timer-throttling",
      "--disable-renderer-backgrounding",
      "--disable-backgrounding-occluded-windows",
      // The addresses of a test machine are no secret, and it has no multicast DNS.
      "--disable-features=WebRtcHideLocalIpsWithMdns",
      ...(permission === "granted" ? ["--use-fake-ui-for-media-stream"] : []),
      ...(camera === "none" ? [] : ["--use-fake-device-for-media-stream"]),
      ...(camera === "broken" ? [`--use-file-for-fake-video-capture=${await brokenCamera()}`] : []),
    ],
  });
}

/** A film that promises pictures of 640x480 and breaks off in the first: the camera is listed, opens, and ends at once. */
async function brokenCamera(): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), "snug-camera-")), "broken.y4m");
  await writeFile(path, "YUV4MPEG2 W640 H480 F30:1 Ip A0:0 C420jpeg\nFRAME\n");
  return path;
}

/** A room nobody else is in. */
export function newRoom(server: string): string {
  const letters = "abcdefghjkmnpqrstuvwxyz";
  const word = (length: number) =>
    Array.from(randomBytes(length), (b) => letters[b % letters.length]).join("");
  return `${server}/r/${word(3)}-${word(4)}-${word(3)}#${randomBytes(16).toString("base64url")}`;
}

export class Guest extends Person {
  /** Errors of the page's own making: none are expected, ever. */
  readonly errors: string[] = [];
  private nudged = false;

  private constructor(
    readonly page: Page,
    name: string,
  ) {
    super(name);
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => {
      if (process.env.SNUG_TEST_LOGS) console.error(`[${name}] ${message.type()}: ${message.text()}`);
      if (/Content Security Policy/.test(message.text())) this.errors.push(message.text());
    });
  }

  static async open(
    browser: Browser,
    link: string,
    name: string,
    options?: BrowserContextOptions,
    scripts: readonly (() => void)[] = [],
  ): Promise<Guest> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(PATIENCE);
    // As one: of several, Playwright promises no order.
    await context.addInitScript(scripts.map((script) => `(${script})();`).join("\n"));
    const guest = new Guest(await context.newPage(), name);
    const address = new URL(link);
    address.searchParams.set("test", "1");
    await guest.page.goto(address.href);
    return guest;
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name, exact: typeof name === "string" });
  }

  /** The controls of a call fade while nothing moves, and cannot be pressed by accident then: the mouse wakes them first. */
  async press(name: string | RegExp): Promise<void> {
    const button = this.button(name);
    await button.waitFor();
    for (const deadline = Date.now() + PATIENCE; ; ) {
      await this.nudge();
      try {
        // On a busy machine they may have faded again by now.
        await button.click({ trial: true, timeout: 5_000 });
        break;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
    await this.nudge();
    await button.click();
  }

  private async nudge(): Promise<void> {
    this.nudged = !this.nudged;
    await this.page.mouse.move(this.nudged ? 300 : 310, 300);
  }

  async join(): Promise<void> {
    await this.page.getByLabel("Your name").fill(this.name);
    await this.press("Join");
    await this.button("Leave").waitFor();
  }

  /** The tile of somebody else. */
  tile(name: string): Locator {
    return this.page
      .getByRole("group", { name: "People in the call" })
      .getByRole("region", { name, exact: true });
  }

  heading(name: string): Locator {
    return this.page.getByRole("heading", { name });
  }

  async leave(): Promise<void> {
    await this.press("Leave");
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  stats(): ReturnType<Insight["stats"]> {
    return this.page.evaluate(() => {
      if (window.__snug === undefined) throw new Error("the page is not in test mode");
      return window.__snug.stats();
    });
  }

  protected async pass(milliseconds: number): Promise<void> {
    await this.page.evaluate((ms) => new Promise((done) => setTimeout(done, ms)), milliseconds);
  }

  async screenshot(screen: string): Promise<void> {
    await mkdir(SCREENS, { recursive: true });
    await this.page.screenshot({ path: `${SCREENS}${screen}.png` });
  }
}

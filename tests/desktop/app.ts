/** The real app in a window of its own, used by what a person sees and reads. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Insight } from "../../ui/src/inspect.ts";
import { Bus, type Display } from "../support/display.ts";
import { Person } from "../support/person.ts";
import { WebDriver } from "../support/webdriver.ts";
import { closeWindow, pictureOfWindow } from "../support/x11.ts";

export const BINARY =
  process.env.SNUG_APP_BIN ?? new URL("../../target/debug/snug", import.meta.url).pathname;
const SCREENS = process.env.SNUG_SCREENS ?? new URL("../../target/screens", import.meta.url).pathname;

export interface Start {
  /** `SNUG_SERVER`: where new rooms are started. */
  server?: string;
  args?: readonly string[];
}

export class App extends Person {
  /** The test provokes errors. */
  mayComplain = false;

  private constructor(
    readonly driver: WebDriver,
    name: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly bus: Bus,
    private readonly home: string,
  ) {
    super(name);
  }

  /** Starts it with a home, a session bus and settings that nobody else has. */
  static async start(display: Display, name: string, { server, args = [] }: Start = {}): Promise<App> {
    const [bus, home] = await Promise.all([Bus.open(), mkdtemp(join(tmpdir(), "snug-app-"))]);
    const runtime = join(home, "run");
    await mkdir(runtime, { mode: 0o700 });
    const { WAYLAND_DISPLAY: _, ...inherited } = process.env;
    const env: NodeJS.ProcessEnv = {
      ...inherited,
      DISPLAY: display.name,
      DBUS_SESSION_BUS_ADDRESS: bus.address,
      GDK_BACKEND: "x11",
      NO_AT_BRIDGE: "1",
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_DATA_HOME: join(home, "data"),
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_STATE_HOME: join(home, "state"),
      XDG_RUNTIME_DIR: runtime,
      // Listing the codecs anew takes a second or two, and they are the same for all.
      GST_REGISTRY: join(tmpdir(), `snug-test-gstreamer-${process.getuid?.() ?? 0}.bin`),
      LANG: "C.UTF-8",
      TAURI_WEBVIEW_AUTOMATION: "true",
      SNUG_TEST_DEVICES: "1",
    };
    if (server !== undefined) env.SNUG_SERVER = server;
    try {
      const driver = await WebDriver.start({ binary: BINARY, args, env });
      const app = new App(driver, name, env, bus, home);
      await driver.until("the page is there", `return document.querySelector("h1, form, [data-command]");`);
      return app;
    } catch (error) {
      await bus.close();
      await rm(home, { recursive: true, force: true });
      throw error;
    }
  }

  /** Starts the program once more, as the desktop does for a link that somebody clicked. It ends at once. */
  async startAgain(...args: string[]): Promise<number | null> {
    const { TAURI_WEBVIEW_AUTOMATION: _, ...env } = this.env;
    const second = spawn(BINARY, args, { env, stdio: "ignore" });
    const [code] = (await once(second, "exit")) as [number | null];
    return code;
  }

  /** A command of the shell, as the page gives it. */
  invoke<T>(command: string, args: Record<string, unknown> = {}): Promise<T> {
    return this.driver.run<T>("return window.__TAURI_INTERNALS__.invoke(args[0], args[1]);", command, args);
  }

  /** Presses the button of a command (`core/commands.ts`). */
  press(command: string): Promise<void> {
    return this.driver.press(
      `the button of ${command}`,
      `return document.querySelector('[data-command="' + args[0] + '"]:not([aria-disabled])');`,
      command,
    );
  }

  fill(id: string, text: string): Promise<void> {
    return this.driver.fill(`the field ${id}`, text, "return document.getElementById(args[0]);", id);
  }

  /** Waits until this can be read somewhere in the window. */
  async reads(text: string): Promise<void> {
    await this.driver.until(
      `"${text}" can be read`,
      "return document.body.innerText.includes(args[0]);",
      text,
    );
  }

  /** Waits until a selector of the page matches, or (`count` 0) does no more. */
  async has(selector: string, count: 0 | 1 = 1): Promise<void> {
    await this.driver.until(
      count === 0 ? `there is no ${selector} any more` : `there is ${selector}`,
      "return (document.querySelector(args[0]) !== null) === args[1];",
      selector,
      count === 1,
    );
  }

  /** The tile of somebody else, or what is in it. */
  tile(name: string, inside = ""): string {
    return `[role="group"] section[aria-label="${name}"] ${inside}`.trim();
  }

  async openLink(link: string): Promise<void> {
    await this.fill("link", link);
    await this.press("open-link");
  }

  async join(): Promise<void> {
    await this.fill("name", this.name);
    await this.press("join");
    await this.inCall();
  }

  async inCall(): Promise<void> {
    await this.has('[data-command="leave"]');
  }

  stats(): ReturnType<Insight["stats"]> {
    return this.driver.run("return window.__snug.stats();");
  }

  protected async pass(milliseconds: number): Promise<void> {
    await this.driver.run("await new Promise((then) => setTimeout(then, args[0]));", milliseconds);
  }

  /** As the button of the window's frame does, and then waits until the program has ended. */
  async closeWindow(): Promise<void> {
    const pid = await this.driver.programPid();
    await closeWindow(this.env.DISPLAY ?? "", pid);
    await this.driver.programEnds(pid);
  }

  /** Of the window as the display shows it, once it is painted; another window above it would hide it. */
  async screenshot(screen: string): Promise<void> {
    await mkdir(SCREENS, { recursive: true });
    const pid = await this.driver.programPid();
    let picture: Buffer = Buffer.alloc(0);
    // Painting comes later than the page: two pictures alike, or a few that differ because something moves.
    for (let tries = 0; tries < 5; tries++) {
      await this.driver.run("for (let i = 0; i < 4; i++) await new Promise(requestAnimationFrame);");
      const now = await pictureOfWindow(this.env.DISPLAY ?? "", pid);
      if (now.equals(picture)) break;
      picture = now;
    }
    await writeFile(join(SCREENS, `app-${screen}.png`), picture);
  }

  async close(): Promise<void> {
    await this.driver.stop();
    await this.bus.close();
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

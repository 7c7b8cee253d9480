/** The real app in a window of its own, used by what a person sees and reads. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Insight, PeerInsight } from "../../ui/src/inspect.ts";
import { Bus, Display } from "../support/display.ts";
import { WebDriver } from "../support/webdriver.ts";

const BINARY = process.env.SNUG_APP_BIN ?? new URL("../../target/debug/snug", import.meta.url).pathname;
const SCREENS = process.env.SNUG_SCREENS ?? new URL("../../target/screens", import.meta.url).pathname;

export interface Start {
  /** `SNUG_SERVER`: where new rooms are started. */
  server?: string;
  args?: readonly string[];
  language?: "en" | "zh-CN";
}

let display: Promise<Display> | undefined;

/** Once per run, before the first window. */
export function openDisplay(): Promise<Display> {
  display ??= Display.open();
  return display;
}

export async function closeDisplay(): Promise<void> {
  const open = await display;
  display = undefined;
  await open?.close();
}

export class App {
  private constructor(
    readonly driver: WebDriver,
    readonly name: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly bus: Bus,
    private readonly home: string,
  ) {}

  static async start(name: string, { server, args = [], language = "en" }: Start = {}): Promise<App> {
    const [screen, bus, home] = await Promise.all([
      openDisplay(),
      Bus.open(),
      mkdtemp(join(tmpdir(), "snug-app-")),
    ]);
    const runtime = join(home, "run");
    await mkdir(runtime, { mode: 0o700 });
    const { WAYLAND_DISPLAY: _, ...inherited } = process.env;
    const env: NodeJS.ProcessEnv = {
      ...inherited,
      DISPLAY: screen.name,
      DBUS_SESSION_BUS_ADDRESS: bus.address,
      GDK_BACKEND: "x11",
      NO_AT_BRIDGE: "1",
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_DATA_HOME: join(home, "data"),
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_STATE_HOME: join(home, "state"),
      XDG_RUNTIME_DIR: runtime,
      LANG: language === "en" ? "en_US.UTF-8" : "zh_CN.UTF-8",
      LANGUAGE: language === "en" ? "en_US" : "zh_CN",
      TAURI_WEBVIEW_AUTOMATION: "true",
      SNUG_TEST_DEVICES: "1",
      ...(server === undefined ? {} : { SNUG_SERVER: server }),
    };
    const driver = await WebDriver.start({ binary: BINARY, args, env });
    return new App(driver, name, env, bus, home);
  }

  /** Starts the program once more, as the desktop does for a link that somebody clicked. */
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

  async screenshot(screen: string): Promise<void> {
    await mkdir(SCREENS, { recursive: true });
    await writeFile(join(SCREENS, `app-${screen}.png`), await this.driver.screenshot());
  }

  stats(): Promise<Awaited<ReturnType<Insight["stats"]>>> {
    return this.driver.run("return window.__snug.stats();");
  }

  async close(): Promise<void> {
    await this.driver.stop();
    await this.bus.close();
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

export type { PeerInsight };

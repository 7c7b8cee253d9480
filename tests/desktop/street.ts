/** A display for a file of tests, and windows that are gone after each of them. The guests live in a house. */
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { Guest } from "../browser/guest.ts";
import { Display } from "../support/display.ts";
import { App, type Start } from "./app.ts";

export interface Street {
  start(name: string, wish?: Start): Promise<App>;
  /** Started on a link, and in the call. */
  join(name: string, link: string): Promise<App>;
}

/** Call it once, outside of all tests. */
export function street(): Street {
  let display: Display | undefined;
  const apps: App[] = [];

  beforeAll(async () => {
    display = await Display.open();
  });
  afterEach(async () => {
    const open = apps.splice(0);
    await Promise.all(open.map((app) => app.close()));
    const quiet = open.filter((app) => !app.mayComplain);
    expect(quiet.flatMap((app) => complaints(app.driver.output))).toEqual([]);
  });
  afterAll(() => display?.close());

  const self: Street = {
    async start(name, wish) {
      if (display === undefined) throw new Error("the display opens with the first test");
      const app = await App.start(display, name, wish);
      apps.push(app);
      return app;
    },
    async join(name, link) {
      const app = await self.start(name, { args: [link] });
      await app.join();
      return app;
    },
  };
  return self;
}

/** Presses a button of a guest's bar, which may have faded. */
export async function press(guest: Guest, name: string): Promise<void> {
  const button = guest.button(name);
  await button.waitFor();
  for (let step = 0; ; step++) {
    await guest.page.mouse.move(200 + (step % 2), 200);
    if (await button.evaluate((element) => getComputedStyle(element).pointerEvents !== "none")) break;
  }
  await button.click();
}

/** What a healthy app never writes: errors of its own, of its page, and anything that only a link's owner may read. */
function complaints(output: string): string[] {
  return output
    .split("\n")
    .filter((line) =>
      /^\S+Z\s+ERROR |CONSOLE \S+ ERROR|Content Security Policy|panicked at|\/r\/\S+#/.test(line),
    );
}

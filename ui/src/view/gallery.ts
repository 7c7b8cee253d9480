/**
 * Any screen, without a server: `/gallery.html?screen=call-4&lang=zh-CN&theme=dark` under `npx vite --mode web`.
 * `?host=web` shows the guest's page; `?screen=` alone lists all. Never part of a production build.
 */
import { mount } from "svelte";
import type { Actions, AppView, Readable } from "../core/view-model";
import App from "./App.svelte";
import { clinicOf } from "./gallery/clinic";
import { presses, screens, viewOf } from "./gallery/fixtures";
import { paint } from "./gallery/paint";

const asked = new URLSearchParams(location.search);
const screen = asked.get("screen") ?? "";
const target = document.querySelector("#app");
if (!(target instanceof HTMLElement)) throw new Error("gallery.html has no #app");

if (screens.includes(screen)) show(target);
else list(target);

function show(target: HTMLElement): void {
  let view: AppView = viewOf(screen, {
    lang: asked.get("lang") === "zh-CN" ? "zh-CN" : "en",
    theme: asked.get("theme") === "light" ? "light" : asked.get("theme") === "dark" ? "dark" : "system",
    host: asked.get("host") === "web" ? "web" : "desktop",
  });
  const listeners = new Set<(view: AppView) => void>();
  const store: Readable<AppView> = {
    subscribe(listener) {
      listeners.add(listener);
      listener(view);
      return () => listeners.delete(listener);
    },
  };
  const become = (next: AppView) => {
    view = next;
    for (const listener of listeners) listener(view);
  };
  const settings = (change: Partial<AppView["settings"]>) =>
    become({ ...view, settings: { ...view.settings, ...change } });
  let notices = 0;

  // Whatever has no answer of its own here is only written down, for tests to read.
  const pressed: string[] = [];
  const answers: Partial<Actions> = {
    setLang: (lang) => settings({ lang }),
    setTheme: (theme) => settings({ theme }),
    setSounds: (sounds) => settings({ sounds }),
    setName: (name) => settings({ name }),
    copyLink() {
      notices += 1;
      become({ ...view, notice: { id: notices, word: "link-copied" } });
    },
    dismissNotice: () => become({ ...view, notice: null }),
    attach: paint,
  };
  const actions = new Proxy(answers, {
    get:
      (known, name: keyof Actions) =>
      (...args: unknown[]) => {
        if (name !== "attach") pressed.push(`${name} ${JSON.stringify(args)}`);
        return (known[name] as ((...args: unknown[]) => unknown) | undefined)?.(...args);
      },
  }) as Actions;

  Object.assign(window, {
    pressed,
    become,
    fixture: (name: string) => viewOf(name, { ...view.settings, host: view.host }),
  });
  mount(App, { target, props: { view: store, actions, clinic: clinicOf(screen) } });
  const command = presses[screen];
  if (command !== undefined) open(command);
}

/** Presses what opens a panel, as soon as it is there. The root is `data-busy` until the panel has its content. */
function open(command: string): void {
  const root = document.documentElement;
  root.dataset.busy = command;
  let done = false;
  const look = () => {
    const button = document.querySelector<HTMLElement>(`[data-command="${command}"]`);
    if (button !== null && !done) {
      done = true;
      button.click();
    }
    if (document.querySelector(".panel h2, .doctor h2") === null) return;
    watch.disconnect();
    delete root.dataset.busy;
  };
  const watch = new MutationObserver(look);
  watch.observe(document.body, { childList: true, subtree: true });
  look();
}

function list(target: HTMLElement): void {
  for (const name of screens) {
    const link = document.createElement("a");
    link.href = `?screen=${name}`;
    link.textContent = name;
    target.append(link, document.createElement("br"));
  }
}

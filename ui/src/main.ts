/** Chooses the host, starts the page, shows it. */
import { mount } from "svelte";
import type { Host } from "./core/ports";
import { offerInsight, type Trace } from "./inspect";
import { WebRtcMedia } from "./media/web-rtc-media";
import { run } from "./run";
import App from "./view/App.svelte";

async function start(): Promise<void> {
  const traces: Trace[] = [];
  const host = await chooseHost((joinId, point, name, at) => {
    // Enough for many joins; nobody reads more.
    if (host.testMode && traces.length < 1000) traces.push({ joinId, point, name, at });
  });
  const made: WebRtcMedia[] = [];
  const page = run({
    host,
    languages: navigator.languages,
    media: (tell, milestone) => {
      const media = new WebRtcMedia(tell, {
        negotiating: () => milestone(10, "core/negotiation"),
        connected: () => milestone(11, "media"),
        firstFrame: () => milestone(12, "first frame"),
      });
      made.push(media);
      return media;
    },
  });
  const [media] = made;
  if (host.testMode && media !== undefined) offerInsight(page, media, traces);
  const target = document.getElementById("app");
  if (target === null) throw new Error("the page has no place for the app");
  mount(App, { target, props: { view: page.view, actions: page.actions } });
}

async function chooseHost(onTrace: Host["trace"]): Promise<Host> {
  if (__SNUG_DESKTOP__) {
    const { desktopHost } = await import("./platform/desktop");
    return desktopHost(onTrace);
  }
  const [{ webHost }, { WebSignaling }] = await Promise.all([
    import("./platform/web"),
    import("./platform/web-signaling"),
  ]);
  return webHost({ signaling: new WebSignaling(onTrace), onTrace });
}

void start();

/** Chooses the host, starts the page, shows it. */
import { mount } from "svelte";
import type { Host } from "./core/ports";
import { Examiner } from "./examine";
import { offerInsight, type Trace } from "./inspect";
import { watchStates } from "./media/doctor-states";
import { WebRtcMedia } from "./media/web-rtc-media";
import { webHost } from "./platform/web";
import { WebSignaling } from "./platform/web-signaling";
import { run } from "./run";
import App from "./view/App.svelte";

async function start(): Promise<void> {
  const traces: Trace[] = [];
  const host = await chooseHost((joinId, point, name, at) => {
    // Enough for many joins; nobody reads more.
    if (host.testMode && traces.length < 1000) traces.push({ joinId, point, name, at });
  });
  const made: WebRtcMedia[] = [];
  const clinic = new Examiner(host);
  const page = run({
    host,
    languages: navigator.languages,
    observe: clinic.observe,
    media: (tell, milestone) => {
      const media = new WebRtcMedia(tell, {
        negotiating: () => milestone(10, "core/negotiation"),
        connected: () => milestone(11, "media"),
        firstFrame: () => milestone(12, "first frame"),
        made: (key, pc) => watchStates(pc, (what, state) => clinic.observeLink(key, what, state)),
      });
      made.push(media);
      return media;
    },
  });
  const [media] = made;
  if (media !== undefined) clinic.meet(page, media);
  if (host.testMode && media !== undefined) offerInsight(page, media, traces);
  const target = document.getElementById("app");
  if (target === null) throw new Error("the page has no place for the app");
  mount(App, { target, props: { view: page.view, actions: page.actions, clinic } });
}

/** The constant is known when the page is built, so a guest's bundle has nothing of the desktop's. */
async function chooseHost(onTrace: Host["trace"]): Promise<Host> {
  if (__SNUG_DESKTOP__) {
    // Its files lie beside the page: another request costs nothing.
    const { desktopHost } = await import("./platform/desktop");
    return desktopHost(onTrace);
  }
  return webHost({ signaling: new WebSignaling(onTrace), onTrace });
}

void start();

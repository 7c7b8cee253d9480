// Pictures of 1920x1080 that are read at the other end, so that what there are too few bits for is their number; and what a
// page hears on a desktop that shares no screen.
import assert from "node:assert/strict";
import { openDesktop } from "./desktop.mjs";
import { openWebview, until } from "./webview.mjs";

/** Where GNOME's portal has its button to share nothing, on a desktop of 1280x720. */
const CANCEL = [430, 233];

/** Asks for a screen in a gesture; the promise stays in the page as `screenAsked`. */
async function ask(page) {
  await page.run(`await ready;
    const press = document.createElement("button");
    press.id = "screen";
    press.textContent = "Share";
    press.onclick = () => {
      window.screenAsked = navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 15 } });
      window.screenAsked.catch(() => {});
    };
    document.body.prepend(press)`);
  await page.press("#screen");
  await page.run("document.querySelector('#screen').remove()");
}

/** Waits for `count` more pictures, and gives their width. */
const pictures = (count) => `
  const inbound = async () => [...(await pc.getStats()).values()].find(({ type }) => type === "inbound-rtp") ?? {};
  const before = (await inbound()).framesDecoded ?? 0;
  await probe.until(async () => ((await inbound()).framesDecoded ?? 0) >= before + ${count}, "${count} pictures", 110000);
  return (await inbound()).frameWidth`;

const limit = (bits) => `
  const [sender] = pc.getSenders();
  const parameters = sender.getParameters();
  Object.assign(parameters.encodings[0], { maxBitrate: ${bits}, maxFramerate: 15 });
  await sender.setParameters(parameters)`;

export async function screen(one, other) {
  await one.with(`
    const canvas = document.createElement("canvas");
    canvas.width = 1920;
    canvas.height = 1080;
    const pen = canvas.getContext("2d");
    let line = 0;
    window.screenWriting = setInterval(() => {
      pen.fillStyle = "hsl(" + (line % 360) + " 60% 50%)";
      pen.fillText("line " + line, (line * 37) % 1900, (line++ * 11) % 1080);
    }, 66);
    const stream = canvas.captureStream(15);
    const [track] = stream.getVideoTracks();
    track.contentHint = "detail";
    window.screenTrack = track;
    pc.addTrack(track, stream)`);
  await Promise.all([one.call("connected"), other.call("connected")]);
  await one.with(limit(500_000));
  // What was under way when the limit came is over after some.
  await other.with(pictures(4));
  const detailed = await other.with(pictures(8));
  assert.equal(detailed, 1920);
  await one.with("window.screenTrack.contentHint = 'motion'");
  const followed = `
    const inbound = async () => [...(await pc.getStats()).values()].find(({ type }) => type === "inbound-rtp") ?? {};
    await probe.until(async () => (await inbound()).frameWidth < 1920, "smaller pictures", 110000);
    return (await inbound()).frameWidth`;
  const smaller = await other.with(followed);
  await one.with("clearInterval(window.screenWriting); window.screenTrack.stop()");
  return `${detailed} wide with a hint, ${smaller} without, at 500 kbit/s`;
}

/** The webview's mock screen, all of it, and black while it is not enabled. */
export async function display(one, other) {
  await ask(one.page);
  const size = await one.with(`
    const stream = await window.screenAsked;
    const [track] = stream.getVideoTracks();
    window.screenTrack = track;
    pc.addTrack(track, stream);
    const { width, height } = track.getSettings();
    return width + "x" + height`);
  await Promise.all([one.call("connected"), other.call("connected")]);
  await other.with(pictures(10));
  await one.with("window.screenTrack.enabled = false");
  await other.call("dark", true);
  await one.with("window.screenTrack.enabled = true");
  await other.call("dark", false);
  await one.with("window.screenTrack.stop()");
  return size;
}

/** On a desktop with a portal, whose dialog the person cancels. */
export async function noChoice({ binary, directory }) {
  const desktop = await openDesktop();
  try {
    const page = await openWebview({ binary, env: { PROBE_PAGE: directory, ...desktop.env } });
    try {
      const settled = () =>
        page.run(`const error = screenAsked.then(() => null, ({ name, message }) => ({ name, message }));
          return await Promise.race([error, new Promise((then) => setTimeout(then, 100, "pending"))])`);
      // A portal that has yet to be started is slower than WebKitGTK waits: the person asks again.
      await until(
        async () => {
          const before = desktop.calls("Start");
          await ask(page);
          await until(
            async () => desktop.calls("Start") > before || (await settled()) !== "pending",
            "the portal to be asked",
          );
          return (await settled()) === "pending";
        },
        "the portal's dialog",
        60_000,
      );
      const error = await until(async () => {
        desktop.press(...CANCEL);
        const answer = await settled();
        return answer !== "pending" && answer;
      }, "the portal's answer");
      assert.equal(error.name, "NotAllowedError");
    } finally {
      await page.close();
    }
  } finally {
    desktop.close();
  }
}

/** Without a portal, and no mock devices in its place. */
export async function noScreen({ binary, directory }) {
  const page = await openWebview({
    binary,
    env: { PROBE_PAGE: directory, DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent" },
  });
  try {
    await page.run(`await ready;
      const gone = new WeakRef({});
      await probe.until(() => {
        Array.from({ length: 100000 }, (_, index) => ({ index }));
        return gone.deref() === undefined;
      }, "what nobody holds to be gone", 60000)`);
    await ask(page);
    const error = await page.run(
      "return await window.screenAsked.then(() => null, ({ name, message }) => ({ name, message }))",
    );
    assert.equal(error?.name, "NotFoundError");
    assert.match(error.message, /xdg-desktop-portal/);
  } finally {
    await page.close();
  }
}

// Unmodified libraries, each end in a page of its own.
import assert from "node:assert/strict";
import { PeerServer } from "peer";
import { together } from "./cases.mjs";
import { freePort } from "./webview.mjs";

const use = (page, name, ...args) => page.run(`return await libraries.${name}(...args)`, ...args);

/** Plays `story` with two ends, which are closed whatever happens; the errors tell what both had seen. */
async function between(one, other, story) {
  try {
    return await story();
  } finally {
    await Promise.allSettled([one, other].map(({ page, number }) => use(page, "close", number)));
  }
}

/** Text both ways, and both pictures. */
async function exchange(one, other) {
  for (const [from, to, text] of [
    [one, other, "hello"],
    [other, one, "здравствуй"],
  ]) {
    await use(from.page, "send", from.number, text);
    assert.deepEqual(await use(to.page, "messages", to.number, 1), [text]);
  }
  const frames = await Promise.all(
    [one, other].map(async ({ page, number }) => {
      await use(page, "told", number, "stream");
      return use(page, "pictures", number);
    }),
  );
  return `${frames.join("/")} frames`;
}

/** simple-peer, its signals carried by this process. */
export async function simplePeer(pageOne, pageOther) {
  await Promise.all([pageOne.run("await ready"), pageOther.run("await ready")]);
  const one = { page: pageOne, number: await use(pageOne, "simplePeer", true) };
  const other = { page: pageOther, number: await use(pageOther, "simplePeer", false) };
  return between(one, other, async () => {
    let running = true;
    const pump = async (from, to) => {
      while (running) {
        const signals = await use(from.page, "drain", from.number);
        for (const signal of signals) await use(to.page, "deliver", to.number, signal);
        if (signals.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const pumps = Promise.all([pump(one, other), pump(other, one)]);
    try {
      await Promise.race([
        Promise.all([one, other].map(({ page, number }) => use(page, "told", number, "connect"))),
        pumps,
      ]);
      const note = await exchange(one, other);
      await use(one.page, "close", one.number);
      await use(other.page, "told", other.number, "close");
      return note;
    } finally {
      running = false;
      await pumps.catch((error) => console.error(`signals: ${error}`));
    }
  });
}

/** PeerJS, meeting at a PeerServer of this process. */
export async function peerJs(pageOne, pageOther) {
  const port = await freePort();
  let server;
  const listening = new Promise((resolve) => {
    PeerServer({ port, host: "127.0.0.1", path: "/" }, (http) => {
      server = http;
      resolve();
    });
  });
  await listening;
  try {
    await Promise.all([pageOne.run("await ready"), pageOther.run("await ready")]);
    const names = [`one-${port}`, `other-${port}`];
    const one = { page: pageOne, number: await use(pageOne, "peerJs", names[0], "127.0.0.1", port) };
    const other = { page: pageOther, number: await use(pageOther, "peerJs", names[1], "127.0.0.1", port) };
    return await between(one, other, async () => {
      await use(one.page, "deliver", one.number, names[1]);
      await Promise.all([one, other].map(({ page, number }) => use(page, "told", number, "connect")));
      return exchange(one, other);
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** webrtc-adapter, and an ordinary call through what it leaves of the interfaces. */
export async function adapter(pageOne, pageOther, call) {
  await pageOne.run("await ready");
  const found = await use(pageOne, "adapter");
  assert.deepEqual([found.browser, found.is], ["safari", true]);
  await together(pageOne, pageOther, call);
  return JSON.stringify(found);
}

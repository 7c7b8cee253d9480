// Connections opened and closed in a row, and a page that is loaded again in a call: what is left of them in the
// application and in the webview's own process, as the system counts it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { until } from "./webview.mjs";

/** Pairs with pictures, voices and messages, and pairs of which only transceivers and channels are made. */
const CALLS = 20;
const PAIRS = 80;
/**
 * The threads of what a connection uses. WebKit keeps one or two more for each camera and microphone that was ever opened and
 * stopped, with or without a connection.
 */
const THREADS = /^peer-audio$|(En|De)coder queue$|Worklet$|Worker/;
const PATIENCE = 90_000;

/** Opens, connects and closes 200 connections; they must leave nothing behind. */
export async function lifecycle(page, binary) {
  await page.run("await ready");
  await rounds(page, 2, true);
  await rounds(page, 4, false);
  const before = await settled(binary);
  await rounds(page, CALLS, true);
  await rounds(page, PAIRS, false);
  const after = await returns(binary, before);
  await until(() => page.run("return probe.sleeps()"), "the audio to sleep");
  await reload(page, binary, before);
  return `${before.sockets} sockets before, ${after.sockets} after; threads ${before.threads} and ${after.threads}`;
}

async function rounds(page, count, media) {
  for (let round = 0; round < count; round++) {
    await page.run(
      `const [media] = args;
      const [here, there] = [probe.open(), probe.open()];
      probe.wire(here, there);
      if (media) {
        await probe.send(here);
        await probe.connected(here);
        await probe.media(there, 5);
        await probe.echo(here);
      } else {
        const { pc } = probe.at(here);
        pc.addTransceiver("audio");
        pc.addTransceiver("video");
        pc.createDataChannel("chat");
        await probe.connected(here);
      }
      probe.close(here);
      probe.close(there);`,
      media,
    );
  }
}

/** A page that is loaded again in the middle of a call. */
async function reload(page, binary, before) {
  await page.run(`const [here, there] = [probe.open(), probe.open()];
    probe.wire(here, there);
    await probe.send(here);
    await probe.connected(here);
    await probe.media(there, 5);`);
  assert.equal(await page.run("return probe.sleeps()"), false, "the audio sleeps in a call");
  const during = holding(binary);
  assert.ok(during.sockets > before.sockets, `a call takes sockets: ${during.sockets}`);
  await page.visit(await page.run("return location.href"));
  await until(() => page.run("return document.readyState === 'complete'"), "the page to load");
  await page.run("await ready");
  await rounds(page, 1, true);
  await returns(binary, before);
}

/** What is held as soon as it has stopped changing. */
async function settled(binary) {
  let last = holding(binary);
  let same = 0;
  await until(
    () => {
      const now = holding(binary);
      same = now.sockets === last.sockets && now.threads === last.threads ? same + 1 : 0;
      last = now;
      return same > 60;
    },
    "a quiet application",
    PATIENCE,
  );
  return last;
}

async function returns(binary, before) {
  let now = holding(binary);
  try {
    await until(
      () => {
        now = holding(binary);
        return now.sockets <= before.sockets && now.threads <= before.threads;
      },
      "what was held to be let go",
      PATIENCE,
    );
  } catch (error) {
    const names = JSON.stringify({ before: before.names, now: now.names });
    throw new Error(`${now.sockets} sockets instead of ${before.sockets}: ${names}`, { cause: error });
  }
  return now;
}

/** Sockets of the application, and threads of it and of the webview's processes, which are its children. */
function holding(binary) {
  const all = processes();
  const wanted = realpathSync(binary);
  const own = all.find(({ exe }) => exe === wanted);
  assert.ok(own, `${wanted} runs`);
  const family = [own, ...all.filter(({ parent }) => parent === own.pid)];
  const names = {};
  for (const { pid } of family) {
    for (const name of threads(pid)) {
      if (THREADS.test(name)) names[name] = (names[name] ?? 0) + 1;
    }
  }
  return {
    sockets: sockets(own.pid),
    threads: Object.values(names).reduce((sum, count) => sum + count, 0),
    names,
  };
}

function processes() {
  const all = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
      all.push({ pid: Number(pid), parent, exe: readlinkSync(`/proc/${pid}/exe`) });
    } catch {
      // It has ended meanwhile, or is none of ours.
    }
  }
  return all;
}

function threads(pid) {
  const names = [];
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      names.push(readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8").trim());
    } catch {
      // It has ended meanwhile.
    }
  }
  return names;
}

function sockets(pid) {
  let count = 0;
  for (const file of readdirSync(`/proc/${pid}/fd`)) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${file}`).startsWith("socket:")) count++;
    } catch {
      // It was closed meanwhile.
    }
  }
  return count;
}

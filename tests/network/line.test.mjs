/** The bad line is as bad as it was told to be, measured by datagrams with numbers and not by its own counts alone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab, SERVER, unable } from "./lab.mjs";
import { Line, unlaid } from "./line.mjs";
import { Lines } from "./lines.mjs";
import { wait } from "./room.mjs";

const skip = unable() ?? unlaid() ?? false;
const STREAM = new URL("stream.mjs", import.meta.url).pathname;
const COUNT = 2_000;
const SIZE = 300;
/** Numbers that are not the stream's. */
const MARK = 1_000_000;
/** Ethernet's, IP's and UDP's headers. */
const HEADERS = 14 + 20 + 8;

let lab;
before(() => {
  if (!skip) lab = new Lab();
});
after(() => lab?.close());

let ports = 7000;

/** What arrives of a stream through a line like this: `[number, milliseconds on its way, when]`, and the line's counts. */
async function stream(how, { size = SIZE, every = 2 } = {}) {
  const site = lab.site("port-restricted");
  const line = await Line.lay(site, { seed: 5 });
  ports += 1;
  const port = String(ports);
  const receiver = lab.spawn(process.execPath, [STREAM, "receive", port]);
  const arrived = new Lines(receiver, "receiver", (text) => JSON.parse(text));
  await arrived.until("it listens", (said) => said === "ready");
  const send = async (...args) => {
    const sender = site.spawn(process.execPath, [STREAM, "send", SERVER, port, ...args.map(String)]);
    await new Lines(sender, "sender").until("all is sent", () => true);
  };
  // So that everybody on the way knows everybody's address.
  await send(1, 12, 1, MARK);
  await arrived.until("the first one", ([number]) => number === MARK);
  await line.set({ up: how });
  const before = await line.counts();
  await send(COUNT, size, every);
  // What waits in the line is out once it holds nothing any more, and one more has come by the way as it was.
  const { up: counts } = await drained(line);
  for (const name of Object.keys(counts)) counts[name] -= before.up[name];
  await line.set({});
  // It may be lost on the way like any datagram, on a busy machine above all.
  const last = arrived.until("the last one", ([number]) => number === MARK + 1).then(() => true);
  do await send(1, 12, 1, MARK + 1);
  while (!(await Promise.race([last, wait(1_000)])));
  const all = arrived.all.filter(([number]) => number < MARK);
  site.close();
  return { all, numbers: all.map(([number]) => number), counts };
}

async function drained(line) {
  for (const deadline = Date.now() + 60_000; ; ) {
    const counts = await line.counts();
    const { up } = counts;
    if (up.left === up.entered - up.lost - up.dropped + up.duplicated) return counts;
    assert.ok(Date.now() < deadline, `the line holds something back: ${JSON.stringify(up)}`);
    await wait(20);
  }
}

const about = (part, wanted, within) =>
  assert.ok(Math.abs(part - wanted) <= within, `${part} instead of ${wanted}`);
const overtaken = (numbers) => numbers.filter((number, at) => at > 0 && number < numbers[at - 1]).length;

test("a line", { skip, concurrency: 4 }, async (t) => {
  const tests = {
    "without faults passes everything in order": async () => {
      const { numbers } = await stream({});
      assert.deepEqual(numbers, [...Array(COUNT).keys()]);
    },
    "loses the share that it is told to": async () => {
      for (const loss of [0.05, 0.3]) {
        const { numbers, counts } = await stream({ loss });
        assert.ok(counts.lost > 0);
        // Four standard deviations.
        about(1 - numbers.length / COUNT, loss, 4 * Math.sqrt((loss * (1 - loss)) / COUNT));
      }
    },
    "loses in bursts": async () => {
      const { numbers } = await stream({ loss: 0.1, burst: 6 });
      const gaps = numbers.flatMap((number, at) => {
        const missing = number - (numbers[at - 1] ?? -1) - 1;
        return missing > 0 ? [missing] : [];
      });
      about(1 - numbers.length / COUNT, 0.1, 0.07);
      about(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length, 6, 3);
    },
    "delays, unevenly, and leaves the order": async () => {
      const { all, numbers } = await stream({ delayMs: 80, jitterMs: 40 });
      assert.deepEqual(numbers, [...Array(COUNT).keys()]);
      const took = all.map(([, millis]) => millis).sort((a, b) => a - b);
      // Clocks of two programs are read to the millisecond, and a busy machine only adds.
      assert.ok(took[0] >= 79, `${took[0]} ms`);
      assert.ok(took[COUNT / 2] >= 95, `${took[COUNT / 2]} ms`);
    },
    "lets later ones overtake": async () => {
      const { numbers, counts } = await stream({ reorder: 0.1, heldBackMs: 30 });
      assert.equal(numbers.length, COUNT);
      about(counts.heldBack / counts.entered, 0.1, 0.03);
      about(overtaken(numbers) / COUNT, 0.1, 0.04);
    },
    "doubles some": async () => {
      const { numbers } = await stream({ duplicate: 0.1 });
      assert.equal(new Set(numbers).size, COUNT);
      about(numbers.length / COUNT - 1, 0.1, 0.03);
    },
    "passes no more than its rate, and drops what does not fit": async () => {
      // Four times what goes through.
      const { all, counts } = await stream({ kbits: 300, queueMs: 200 }, { size: 600, every: 4 });
      const seconds = (all.at(-1)[2] - all[0][2]) / 1_000;
      const kbits = ((all.length - 1) * (600 + HEADERS) * 8) / 1_000 / seconds;
      assert.ok(kbits > 200 && kbits < 345, `${kbits} kbit/s`);
      about(counts.dropped / counts.entered, 0.75, 0.1);
    },
  };
  await Promise.all(Object.entries(tests).map(([name, run]) => t.test(name, run)));
});

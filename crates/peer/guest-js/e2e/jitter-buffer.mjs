// How long a receiver holds what comes (RTCRtpReceiver.jitterBufferTarget), as statistics tell it.
import assert from "node:assert/strict";

/** Milliseconds. */
const TARGET = 300;
/** Frames, or samples, over which the delay is measured. */
const WINDOW = { video: 20, audio: 48_000 };
/** Milliseconds in which a delay must have changed: it does so by a quarter of the time that goes by. */
const PATIENCE = 20_000;

function set(end, target) {
  return end.with(`for (const receiver of pc.getReceivers()) receiver.jitterBufferTarget = ${target};`);
}

/** Waits until a kind is held at least, or at most, so long; gives for how long it is, should be, and would have to be. */
function held(end, kind, { least = 0, most = Number.MAX_SAFE_INTEGER }) {
  return end.page.run(
    `const [number, kind, count, least, most, bound] = args;
     const look = async () =>
       (await probe.stats(number)).find((one) => one.type === "inbound-rtp" && one.kind === kind);
     let before = await look();
     let seen;
     await probe.until(async () => {
       const now = await look();
       const emitted = now.jitterBufferEmittedCount - before.jitterBufferEmittedCount;
       if (emitted < count) return false;
       const since = (member) => Math.round(((now[member] - before[member]) / emitted) * 1000);
       seen = ["jitterBufferDelay", "jitterBufferTargetDelay", "jitterBufferMinimumDelay"].map(since);
       before = now;
       return seen[0] >= least && seen[0] <= most;
     }, kind + " held for " + least + " to " + most + " ms", bound).catch((error) => {
       throw new Error(error + ": " + seen);
     });
     return seen;`,
    end.number,
    kind,
    WINDOW[kind],
    least,
    most,
    PATIENCE,
  );
}

/** Picture and voice wait as long as the page wants, and no longer when it does not want it any more. */
export async function jitterBuffer(one, other) {
  await one.call("send");
  await other.call("media", 10);
  const kinds = ["video", "audio"];
  const both = (bounds) => Promise.all(kinds.map((kind) => held(other, kind, bounds)));
  const before = await both({ most: TARGET * 0.8 });
  await set(other, TARGET);
  const during = await both({ least: TARGET * 0.9 });
  for (const [, target, minimum] of during) {
    assert.ok(target >= TARGET * 0.9, `target: ${target}`);
    assert.ok(minimum < TARGET * 0.8, `minimum: ${minimum}`);
  }
  await set(other, null);
  const after = await both({ most: TARGET * 0.8 });
  return [before, during, after].map((seen) => seen.map((each) => each.join("/")).join(" and ")).join(", ");
}

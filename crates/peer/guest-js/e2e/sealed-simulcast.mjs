// Layers of one camera, each sealed by the sender's worker and opened by that of the other end.
import assert from "node:assert/strict";
import { lacks, PREFER } from "./codecs.mjs";
import { meet, part, RIDS, seen, sent, until } from "./simulcast.mjs";

/** Frames of each layer that have to pass. */
const FRAMES = 20;

/** The worker that seals and opens for a connection, which is none of the probe's peers. */
let worker = 0;
const flows = (number) => `return await sealing.flows(${number})`;

async function pass(one, other, codec) {
  const treat = (label) => `sealing.treat(${worker}, transceiver, "one key", "seal", ${label});`;
  await meet(one, other, {
    // Chromium makes three layers of no less than this.
    video: { width: 960, height: 540 },
    // Otherwise it makes one stream of three spatial layers.
    encoding: codec === "VP9" ? { scalabilityMode: "L1T1" } : {},
    sent: `${PREFER} prefer(pc, ["${codec}"]); ${treat(`"video"`)}`,
    received: treat("transceiver.mid"),
  });
  const opened = await until(
    () => other.run(flows(worker)),
    (all) => RIDS.every((rid) => (all[`receive ${rid}`]?.frames ?? 0) > FRAMES),
    "three layers",
  );
  const shown = await until(
    () => other.run(seen),
    (list) => RIDS.every((rid) => list.some((it) => it.rid === rid && it.frames > FRAMES)),
    "three pictures",
  );
  const sources = Object.fromEntries((await one.run(sent)).map(({ rid, ssrc }) => [rid, ssrc]));
  assert.equal(new Set(Object.values(sources)).size, RIDS.length);
  // What the sender's frames say of their source is what its statistics say, and what comes.
  const { sources: sealed, metadata } = (await one.run(flows(worker)))["send video"];
  assert.deepEqual(Object.keys(sealed).sort(), Object.values(sources).map(String).sort());
  assert.equal(metadata.mimeType.toLowerCase(), `video/${codec.toLowerCase()}`);
  for (const rid of RIDS)
    assert.deepEqual(Object.keys(opened[`receive ${rid}`].sources), [`${sources[rid]}`]);
  await beginsAnew(one, sources);
  return shown
    .map(({ rid, width, height, frames }) => `${rid} ${width}x${height} ${frames} frames`)
    .join(", ");
}

/** A key frame of one layer, asked for by its name. Chromium's transformers cannot ask. */
async function beginsAnew(one, sources) {
  if (!(await one.run("return '__TAURI_INTERNALS__' in window"))) return;
  const rid = RIDS[1];
  const keys = async () => (await one.run(flows(worker)))["send video"].keys;
  const before = await keys();
  const { stamp } = await one.run(`return await sealing.flows(${worker}, "send video", "${rid}")`);
  assert.equal(typeof stamp, "number", String(stamp));
  const after = await keys();
  assert.ok(after[sources[rid]] > (before[sources[rid]] ?? 0), JSON.stringify([rid, sources, before, after]));
}

/** A simulcast in a codec, from one page to another. */
function sealedSimulcast(codec) {
  return async (one, other) => {
    for (const page of [one, other]) {
      const skipped = await lacks({ page }, codec);
      if (skipped) return { skipped };
    }
    worker--;
    try {
      return await pass(one, other, codec);
    } catch (error) {
      const told = await Promise.allSettled([one, other].map((page) => page.run(flows(worker))));
      error.message += `\n${told.map(({ value, reason }) => JSON.stringify(value ?? String(reason))).join("\n")}`;
      throw error;
    } finally {
      await part(one, other);
    }
  };
}

export const SEALED_SIMULCAST = {
  sealedSimulcast: sealedSimulcast("VP8"),
  sealedSimulcastVP9: sealedSimulcast("VP9"),
  sealedSimulcastH264: sealedSimulcast("H264"),
};

// Three layers of one camera, seen apart by Chromium. As its answers take no simulcast, the sender's section is written to
// it as three: MID and RID are written alike in header extensions, so that a section whose MID is a RID gets that layer.
import assert from "node:assert/strict";

export const RIDS = ["q", "h", "f"];
const MID = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

const gathered = `await probe.until(() => pc.iceGatheringState === "complete", "candidates");
  return pc.localDescription.sdp`;

/** The session's lines and those of each section. */
function split(sdp) {
  const [session, ...sections] = sdp.split(/^(?=m=)/m);
  return { session, sections };
}

const without = (section, pattern) =>
  section
    .split("\r\n")
    .filter((line) => !pattern.test(line))
    .join("\r\n");

/** Writes the one section of an offer as a section for each layer. */
function spread(offer) {
  const { session, sections } = split(offer);
  const [section] = sections;
  const id = new RegExp(`^a=extmap:(\\d+) ${RID}`, "m").exec(section)?.[1];
  assert.ok(id, "the offer names layers");
  // Retransmissions name their layer by an extension of their own, which nothing in Chromium takes for a MID.
  const repairs = [...section.matchAll(/^a=rtpmap:(\d+) rtx/gm)].map(([, format]) => format);
  const [media] = section.split("\r\n");
  const formats = media.split(" ").filter((word) => !repairs.includes(word));
  const dropped = `^a=(mid|msid|rid|simulcast|extmap:\\d+ urn:ietf:params:rtp-hdrext:sdes|(rtpmap|fmtp|rtcp-fb):(${repairs.join("|")}) )`;
  const plain = without(section, new RegExp(dropped)).replace(media, formats.join(" "));
  const each = RIDS.map((rid) => `${plain}a=mid:${rid}\r\na=msid:${rid} ${rid}\r\na=extmap:${id} ${MID}\r\n`);
  return `${without(session, /^a=group/)}a=group:BUNDLE ${RIDS.join(" ")}\r\n${each.join("")}`;
}

/** Writes the answers of the sections as one that takes all layers. */
function gather(answer, offer) {
  const { session, sections } = split(answer);
  const [offered] = split(offer).sections;
  const mid = /^a=mid:(\S+)/m.exec(offered)[1];
  const extensions = offered
    .split("\r\n")
    .filter((line) => [MID, RID, REPAIRED].some((uri) => line.endsWith(uri)));
  const taken = RIDS.map((rid) => `a=rid:${rid} recv`);
  const lines = [`a=mid:${mid}`, ...extensions, ...taken, `a=simulcast:recv ${RIDS.join(";")}`];
  const plain = without(sections[0], /^a=(mid|extmap:\d+ urn:ietf:params:rtp-hdrext:sdes)/);
  return `${without(session, /^a=group/)}a=group:BUNDLE ${mid}\r\n${plain}${lines.join("\r\n")}\r\n`;
}

export const seen = `const report = [...(await simulcast.pc.getStats()).values()];
  return report.filter(({ type }) => type === "inbound-rtp").map((one) => ({
    rid: one.mid, width: one.frameWidth, height: one.frameHeight, frames: one.framesDecoded ?? 0 }))`;
export const sent = `const report = [...(await simulcast.pc.getStats()).values()];
  return report.filter(({ type }) => type === "outbound-rtp")`;

const change = (rid, changes) => `const [sender] = simulcast.pc.getSenders();
  const parameters = sender.getParameters();
  Object.assign(parameters.encodings.find(({ rid }) => rid === "${rid}"), ${JSON.stringify(changes)});
  await sender.setParameters(parameters)`;

/** Asks a page until its answer passes; the last answer. */
export async function until(ask, passes, what) {
  const end = Date.now() + 40_000;
  for (;;) {
    const answer = await ask();
    if (passes(answer)) return answer;
    assert.ok(Date.now() < end, `waited in vain for ${what}: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/**
 * Connects two pages by a simulcast that is received as three sections, as `simulcast.pc` in both. `encoding` is what all
 * layers have in common, `sent` what is done in the first page to the `transceiver` that it makes, `received` in the other to
 * those that come.
 */
export async function meet(
  one,
  other,
  { video = { width: 640, height: 480 }, encoding = {}, sent = "", received = "" } = {},
) {
  for (const page of [one, other]) await page.run("await ready");
  const offer = await one.run(
    `const pc = new RTCPeerConnection();
     const stream = await navigator.mediaDevices.getUserMedia({ video: args[1] });
     globalThis.simulcast = { pc, stream };
     const sendEncodings = args[0].map((rid) => ({ ...args[2], rid }));
     const init = { direction: "sendonly", streams: [stream], sendEncodings };
     const transceiver = pc.addTransceiver(stream.getVideoTracks()[0], init);
     ${sent}
     await pc.setLocalDescription();
     ${gathered}`,
    RIDS,
    video,
    encoding,
  );
  assert.ok(offer.includes("a=simulcast:send q;h;f\r\n") && !offer.includes("a=ssrc:"), offer);
  const answer = await other.run(
    `const pc = new RTCPeerConnection();
     globalThis.simulcast = { pc };
     pc.ontrack = ({ track, transceiver }) => {
       ${received}
       const video = document.createElement("video");
       Object.assign(video, { muted: true, autoplay: true, srcObject: new MediaStream([track]) });
       document.body.append(video);
     };
     await pc.setRemoteDescription({ type: "offer", sdp: args[0] });
     await pc.setLocalDescription();
     ${gathered}`,
    spread(offer),
  );
  await one.run(
    `await simulcast.pc.setRemoteDescription({ type: "answer", sdp: args[0] })`,
    gather(answer, offer),
  );
}

/** Ends it, whatever there is of it. */
export async function part(one, other) {
  await one.run(`if (!globalThis.simulcast) return;
    simulcast.pc.close();
    for (const track of simulcast.stream.getTracks()) track.stop();
    delete globalThis.simulcast`);
  await other.run(`for (const video of document.querySelectorAll("video")) video.remove();
    globalThis.simulcast?.pc.close();
    delete globalThis.simulcast`);
}

export async function simulcast(one, other) {
  try {
    await meet(one, other);
    const widths = Object.fromEntries(RIDS.map((rid, index) => [rid, 160 * 2 ** index]));
    const all = await until(
      () => other.run(seen),
      (list) =>
        RIDS.every((rid) => list.some((it) => it.rid === rid && it.width === widths[rid] && it.frames > 30)),
      "three layers",
    );
    const streams = await one.run(sent);
    const told = streams.map(({ rid, encodingIndex, active }) => [rid, encodingIndex, active]);
    assert.deepEqual(
      told.sort(([, one], [, other]) => one - other),
      RIDS.map((rid, index) => [rid, index, true]),
    );
    for (const { rid, frameWidth, qualityLimitationDurations } of streams) {
      assert.equal(frameWidth, widths[rid]);
      assert.ok(qualityLimitationDurations.none >= 0);
    }

    // One layer is switched off; the others go on. Then it comes back, with a key frame.
    await one.run(change("f", { active: false }));
    const frames = async (rid) => (await other.run(seen)).find((it) => it.rid === rid)?.frames ?? 0;
    let before = { q: 0, f: 0 };
    await until(
      async () => {
        const [q, f] = [await frames("q"), await frames("f")];
        if (f !== before.f) before = { q, f };
        return q - before.q;
      },
      (grown) => grown > 15,
      "one layer to end and another to go on",
    );
    await one.run(change("f", { active: true }));
    await until(
      () => frames("f"),
      (count) => count > before.f + 15,
      "the layer to come back",
    );

    // A layer's pictures can be made smaller than they were.
    await one.run(change("h", { scaleResolutionDownBy: 8 }));
    await until(
      () => other.run(seen),
      (list) => list.some(({ rid, width }) => rid === "h" && width === 80),
      "smaller pictures",
    );
    return all
      .map(({ rid, width, height, frames }) => `${rid} ${width}x${height} ${frames} frames`)
      .join(", ");
  } finally {
    await part(one, other);
  }
}

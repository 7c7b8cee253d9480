// Simulcast as a page sees it: the encodings it asks for, and what descriptions make of them.
import { beforeEach, expect, test, vi } from "vitest";
import type { Snapshot } from "../wire";
import { PeerConnection } from "./connection";
import { FakeRust, FakeTrack, installDom, lineSnapshot, stable } from "./fakes";
import { type Encoding, firstEncodings } from "./parameters";
import { layersAsked } from "./sdp";

let rust: FakeRust;
vi.mock("./runtime", () => ({ runtime: () => rust.runtime() }));
installDom();

const task = () => new Promise((resolve) => setTimeout(resolve, 5));
const THREE = [{ rid: "q" }, { rid: "h" }, { rid: "f" }];
const SSRCS: Record<string, number> = { q: 11, h: 12, f: 13 };
const scales = (list: Encoding[]) => list.map(({ scaleResolutionDownBy }) => scaleResolutionDownBy);

function description(type: RTCSdpType, simulcast = "") {
  const lines = `m=video 9 X\r\na=mid:0\r\na=sendrecv\r\n${simulcast && `a=simulcast:${simulcast}\r\n`}`;
  return { type, sdp: `v=0\r\n${lines}` };
}

function agreed(rids: string[], changes: Partial<Snapshot> = {}): Snapshot {
  const ssrcs = rids.flatMap((rid) => SSRCS[rid] ?? []);
  const line = lineSnapshot({ currentDirection: "sendrecv", rids, ssrcs });
  return stable({ currentLocal: description("offer"), transceivers: [line], ...changes });
}

/** A sender of three layers, after the remote's answer. */
async function sender(rids: string[], simulcast: string, configuration: RTCConfiguration = {}) {
  const pc = new PeerConnection(configuration);
  const track = new FakeTrack("video") as unknown as MediaStreamTrack;
  const { sender } = pc.addTransceiver(track, { sendEncodings: THREE });
  rust.snapshot = agreed(["q", "h", "f"], { signalingState: "have-local-offer" });
  await pc.setLocalDescription();
  const answer = description("answer", simulcast);
  rust.snapshot = agreed(rids, { currentRemote: answer });
  await pc.setRemoteDescription(answer);
  return { pc, sender, rids: () => sender.getParameters().encodings.map(({ rid }) => rid) };
}

beforeEach(() => {
  rust = new FakeRust();
});

test("layers are half the size of the next one, unless the page speaks of sizes", () => {
  expect(scales(firstEncodings(THREE, "video"))).toEqual([4, 2, 1]);
  expect(scales(firstEncodings([THREE[0], { rid: "h", scaleResolutionDownBy: 3 }], "video"))).toEqual([1, 3]);
  // Further ones than can be sent are left out, what they say of sizes is not.
  const four = [...THREE, { rid: "x", scaleResolutionDownBy: 2 }];
  expect(scales(firstEncodings(four, "video"))).toEqual([1, 1, 1]);
  expect(scales(firstEncodings([...THREE, { rid: "x" }], "video"))).toEqual([4, 2, 1]);
});

test("one encoding has no name, and sound has one", () => {
  expect(firstEncodings([{ rid: "q" }], "video")).toEqual([{ active: true, scaleResolutionDownBy: 1 }]);
  expect(firstEncodings([{ rid: "a", scaleResolutionDownBy: 0.5 }, { rid: "b" }], "audio")).toEqual([
    { active: true },
  ]);
});

test("encodings that no simulcast can have are refused", () => {
  const bad: [unknown[], ErrorConstructor | RangeErrorConstructor][] = [
    [[{ rid: "" }, { rid: "h" }], TypeError],
    [[{ rid: "q!" }, { rid: "h" }], TypeError],
    [[{ rid: "x".repeat(17) }, { rid: "h" }], TypeError],
    [[{ rid: "q" }, { rid: "q" }], TypeError],
    [[{ rid: "q" }, {}], TypeError],
    [[{}, {}], TypeError],
    [[{ rid: "q", scaleResolutionDownBy: 0.9 }, { rid: "h" }], RangeError],
    [[{ rid: "q", maxFramerate: -1 }, { rid: "h" }], RangeError],
  ];
  for (const [list, error] of bad)
    expect(() => firstEncodings(list, "video"), JSON.stringify(list)).toThrow(error);
});

test("the layers are offered, and what the remote takes of them stays", async () => {
  const { rids } = await sender(["q", "f"], "recv q;f");
  expect(rust.ops[0]).toMatchObject({ type: "add-transceiver", rids: ["q", "h", "f"] });
  expect(rids()).toEqual(["q", "f"]);
});

test("a remote that knows of no simulcast leaves the first layer", async () => {
  const { sender: narrowed, rids } = await sender([], "");
  expect(rids()).toEqual(["q"]);
  expect(narrowed.getParameters().encodings[0]?.scaleResolutionDownBy).toBe(4);
});

test("the remote can pause layers, and let them go on", async () => {
  const { pc, sender: paused } = await sender(["q", "h", "f"], "send x recv ~q;h;~f");
  const active = () => paused.getParameters().encodings.map(({ active }) => active);
  expect(active()).toEqual([false, true, false]);
  const parameters = paused.getParameters();
  for (const encoding of parameters.encodings) encoding.active = encoding.rid === "f";
  await paused.setParameters(parameters);
  rust.snapshot = agreed(["q", "h", "f"], { signalingState: "have-local-offer" });
  await pc.setLocalDescription();
  const answer = description("answer", "recv q;h;f");
  rust.snapshot = agreed(["q", "h", "f"], { currentRemote: answer });
  await pc.setRemoteDescription(answer);
  // What the page itself has paused stays so.
  expect(active()).toEqual([true, false, true]);
});

test("each layer's limits reach the worker, by the place it was proposed at", async () => {
  const { sender: narrowed } = await sender(["h", "f"], "recv h;f");
  rust.emit({ type: "dtls-state", pc: 1, state: "connected" });
  rust.emit({ type: "connection-state", pc: 1, state: "connected" });
  await vi.waitFor(() => expect(rust.told.some(({ type }) => type === "send")).toBe(true));
  const sent = rust.told.find(({ type }) => type === "send");
  expect(sent).toMatchObject({
    limits: [
      { layer: 1, active: true, scaleResolutionDownBy: 2 },
      { layer: 2, active: true, scaleResolutionDownBy: 1 },
    ],
  });
  const parameters = narrowed.getParameters();
  Object.assign(parameters.encodings[1] ?? {}, { active: false, maxBitrate: 9_000, maxFramerate: 7 });
  await narrowed.setParameters(parameters);
  expect(rust.told.at(-1)).toMatchObject({
    type: "limits",
    limits: [{ layer: 1 }, { layer: 2, active: false, maxBitrate: 9_000, maxFramerate: 7 }],
  });
});

test("key frames can be asked for, of each layer by itself", async () => {
  const { sender: asking } = await sender(["h", "f"], "recv h;f");
  rust.emit({ type: "dtls-state", pc: 1, state: "connected" });
  rust.emit({ type: "connection-state", pc: 1, state: "connected" });
  await vi.waitFor(() => expect(rust.told.some(({ type }) => type === "send")).toBe(true));
  const made = () => rust.told.filter(({ type }) => type === "make-key-frame");
  await asking.setParameters(asking.getParameters());
  await asking.setParameters(asking.getParameters(), {});
  await asking.setParameters(asking.getParameters(), { encodingOptions: [] });
  expect(made()).toEqual([]);
  const encodingOptions = [{ keyFrame: false }, { keyFrame: true }];
  await asking.setParameters(asking.getParameters(), { encodingOptions });
  expect(made()).toEqual([{ type: "make-key-frame", pc: 1, transceiver: 1, layer: 2 }]);
  await expect(
    asking.setParameters(asking.getParameters(), { encodingOptions: [{ keyFrame: true }] }),
  ).rejects.toMatchObject({ name: "InvalidModificationError" });
  expect(made()).toHaveLength(1);
});

test("sound has no key frames", async () => {
  const { sender: silent } = new PeerConnection().addTransceiver("audio");
  await silent.setParameters(silent.getParameters(), { encodingOptions: [{ keyFrame: true }, {}] as never });
  expect(rust.told).toEqual([]);
});

test("layers can be neither renamed nor reordered, added or taken away", async () => {
  const { sender: fixed } = await sender(["q", "h", "f"], "recv q;h;f");
  const changes: ((list: Encoding[]) => Encoding[])[] = [
    (list) => list.slice(1),
    (list) => [...list, { rid: "x", active: true }],
    (list) => [...list].reverse(),
    ([first, ...others]) => [{ ...first, active: true, rid: "z" }, ...others],
  ];
  for (const change of changes) {
    const parameters = fixed.getParameters();
    const changed = { ...parameters, encodings: change(parameters.encodings) };
    await expect(fixed.setParameters(changed)).rejects.toMatchObject({ name: "InvalidModificationError" });
  }
});

test("a remote's offer proposes layers, and its rollback takes them back", async () => {
  const pc = new PeerConnection();
  const track = new FakeTrack("video") as unknown as MediaStreamTrack;
  const own = pc.addTrack(track);
  await task();
  const offer = description("offer", "recv a;~b");
  const transceivers = [lineSnapshot({ rids: ["a", "b"] })];
  rust.snapshot = stable({ signalingState: "have-remote-offer", pendingRemote: offer, transceivers });
  await pc.setRemoteDescription(offer);
  expect(own.getParameters().encodings).toEqual([
    { rid: "a", active: true, scaleResolutionDownBy: 2 },
    { rid: "b", active: false, scaleResolutionDownBy: 1 },
  ]);
  rust.snapshot = stable({ transceivers: [lineSnapshot({ mid: null })] });
  await pc.setRemoteDescription({ type: "rollback" });
  expect(own.getParameters().encodings).toEqual([{ active: true, scaleResolutionDownBy: 1 }]);
});

test("transforms are told the SSRCs of the layers that are left, by their places", async () => {
  const insertable = { encodedInsertableStreams: true } as RTCConfiguration;
  const { sender: narrowed } = await sender(["h", "f"], "recv h;f", insertable);
  (narrowed as unknown as { createEncodedStreams(): unknown }).createEncodedStreams();
  expect(rust.told.findLast(({ type }) => type === "transform")).toMatchObject({
    streams: { ssrcs: { 1: 12, 2: 13 } },
  });
});

test("what a section asks for is found among the others", () => {
  const { sdp } = description("answer", "send x;y recv ~a,b;c");
  expect([...layersAsked(`${sdp}m=video 9 X\r\na=mid:1\r\n`, "0")]).toEqual([
    ["a", true],
    ["c", false],
  ]);
  expect(layersAsked(sdp, "1").get("a")).toBeUndefined();
});

// RTCRtpReceiver.jitterBufferTarget (webrtc-extensions).
import { beforeEach, expect, test, vi } from "vitest";
import { PeerConnection } from "./connection";
import { FakeRust, installDom } from "./fakes";

let rust: FakeRust;
vi.mock("./runtime", () => ({ runtime: () => rust.runtime() }));
installDom();

beforeEach(() => {
  rust = new FakeRust();
});

const told = () =>
  rust.ops.flatMap((op) => (op.type === "set-jitter-buffer-target" ? [[op.transceiver, op.target]] : []));

test("a target is told once the transceiver has its number, and each change once", async () => {
  const { receiver } = new PeerConnection().addTransceiver("audio");
  expect(receiver.jitterBufferTarget).toBeNull();
  for (const target of [500, 500, 0, 0.5, null, null]) receiver.jitterBufferTarget = target;
  await vi.waitFor(() =>
    expect(told()).toEqual([
      [1, 500],
      [1, 0],
      [1, 0.5],
      [1, null],
    ]),
  );
});

test("what is no target changes nothing", async () => {
  const { receiver } = new PeerConnection().addTransceiver("video");
  receiver.jitterBufferTarget = 4000;
  for (const wrong of [-0.1, 4000.1]) {
    const set = () => {
      receiver.jitterBufferTarget = wrong;
    };
    expect(set).toThrow(RangeError);
  }
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, "much"]) {
    const set = () => {
      receiver.jitterBufferTarget = wrong as number;
    };
    expect(set).toThrow(TypeError);
  }
  expect(receiver.jitterBufferTarget).toBe(4000);
  await vi.waitFor(() => expect(told()).toEqual([[1, 4000]]));
});

test("what is stopped or closed has no buffer", async () => {
  const pc = new PeerConnection();
  const [one, other] = [pc.addTransceiver("audio"), pc.addTransceiver("video")];
  one.stop();
  one.receiver.jitterBufferTarget = 100;
  pc.close();
  other.receiver.jitterBufferTarget = 200;
  expect([one.receiver.jitterBufferTarget, other.receiver.jitterBufferTarget]).toEqual([100, 200]);
  await new Promise((resolve) => setTimeout(resolve));
  expect(told()).toEqual([]);
});

import { expect, test, vi } from "vitest";
import { inside, makeChannel } from "./channel";

const init = { label: "l", ordered: true, protocol: "", negotiated: false };

function channel(maxMessageSize = 1000) {
  const sent: (string | ArrayBuffer | ArrayBufferView)[] = [];
  const close = vi.fn();
  const made = makeChannel(init, {
    send: (data) => sent.push(data),
    close,
    maxMessageSize: () => maxMessageSize,
  });
  return { channel: made, sent, close };
}

test("sending before it is open is an InvalidStateError", () => {
  expect(() => channel().channel.send("x")).toThrow(expect.objectContaining({ name: "InvalidStateError" }));
});

test("bufferedAmount grows with what is sent and shrinks with what left", () => {
  const { channel: one, sent } = channel();
  inside(one).opened(3);
  const low = vi.fn();
  one.addEventListener("bufferedamountlow", low);
  one.bufferedAmountLowThreshold = 4;
  one.send("ä");
  one.send(new Uint8Array([1, 2, 3, 4]).subarray(1));
  expect(one.bufferedAmount).toBe(5);
  expect(sent[1]).toEqual(new Uint8Array([2, 3, 4]));
  inside(one).flowed(2);
  expect(one.bufferedAmount).toBe(3);
  inside(one).flowed(3);
  expect(low).toHaveBeenCalledOnce();
  expect(one.id).toBe(3);
});

test("a message too large is a TypeError", () => {
  const { channel: one } = channel(3);
  inside(one).opened(1);
  expect(() => one.send("long")).toThrow(TypeError);
});

test("messages wait for open, Blobs keep their place", async () => {
  const { channel: one, sent } = channel();
  const heard: string[] = [];
  one.addEventListener("open", () => heard.push("open"));
  one.addEventListener("message", (event) => heard.push((event as MessageEvent<string>).data));
  inside(one).received("ärly", 5);
  inside(one).opened(1);
  expect(heard).toEqual(["open", "ärly"]);
  expect(inside(one).counted).toMatchObject({ messagesReceived: 1, bytesReceived: 5 });
  one.send(new Blob(["blob"]));
  one.send("täxt");
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(new TextDecoder().decode(sent[0] as ArrayBuffer)).toBe("blob");
  expect(sent[1]).toEqual(new TextEncoder().encode("täxt"));
  expect(inside(one).counted).toMatchObject({ messagesSent: 2, bytesSent: 9 });
});

test("closing fires closing and close once when the other end closes, and only close when this one does", () => {
  const { channel: one, close } = channel();
  const heard: string[] = [];
  for (const name of ["closing", "close"]) one.addEventListener(name, () => heard.push(name));
  inside(one).opened(1);
  one.close();
  one.close();
  expect(close).toHaveBeenCalledOnce();
  inside(one).closed();
  inside(one).closed();
  expect(heard).toEqual(["close"]);
  const { channel: other } = channel();
  for (const name of ["closing", "close"]) other.addEventListener(name, () => heard.push(name));
  inside(other).opened(1);
  inside(other).closed();
  expect(heard).toEqual(["close", "closing", "close"]);
});

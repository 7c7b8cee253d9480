import { expect, test, vi } from "vitest";
import { OperationsChain } from "./chain";

test("operations run one after the other, and an error does not stop those behind", async () => {
  const emptied = vi.fn();
  const chain = new OperationsChain(emptied);
  const log: string[] = [];
  const gate = gateway();
  const first = chain.enqueue(async () => {
    log.push("first begins");
    await gate.promise;
    log.push("first ends");
    throw new Error("no");
  });
  const second = chain.enqueue(async () => log.push("second"));
  expect(log).toEqual(["first begins"]);
  expect(chain.empty).toBe(false);
  gate.resolve();
  await expect(first).rejects.toThrow("no");
  await second;
  expect(log).toEqual(["first begins", "first ends", "second"]);
  await vi.waitFor(() => expect(emptied).toHaveBeenCalledOnce());
});

test("a closed chain refuses, and keeps quiet about what was under way", async () => {
  const chain = new OperationsChain(() => {});
  const gate = gateway();
  const settled = vi.fn();
  chain.enqueue(() => gate.promise).then(settled, settled);
  chain.close();
  gate.resolve();
  await expect(chain.enqueue(async () => {})).rejects.toMatchObject({ name: "InvalidStateError" });
  expect(settled).not.toHaveBeenCalled();
});

function gateway() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

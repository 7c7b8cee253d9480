import { expect, test, vi } from "vitest";
import vectors from "../../../tests/scenarios/seal.json" with { type: "json" };
import { fromHex, toHex } from "../core/bytes";
import type { RoomKey } from "../core/ports";
import { gather } from "../core/seal/code";
import { associated } from "../core/seal/envelope";
import { readLetter, writeLetter } from "../core/seal/letter";
import { webVault } from "./vault";

async function keyOf(secret = vectors.secret, roomId = vectors.roomId): Promise<RoomKey> {
  const vault = webVault();
  if (vault === null) throw new Error("no cryptography here");
  return vault.open(secret, roomId);
}

test.each(vectors.sealed)(
  "opens letter $header.n from $header.from",
  async ({ header, letter, data, ...more }) => {
    const key = await keyOf();
    expect(toHex(associated(header))).toBe(more.associated);
    const opened = await key.unseal(header.from, header.to, data);
    expect(readLetter(opened?.text ?? "")).toEqual(letter);
    // And the other way round.
    const again = await key.seal(
      header,
      writeLetter(readLetter(opened?.text ?? "") ?? { type: "reveal", nonce: "" }),
    );
    expect((await key.unseal(header.from, header.to, again))?.text).toBe(opened?.text);
    expect(again).not.toEqual(data);
  },
);

test("whatever is changed, a letter stays closed", async () => {
  const key = await keyOf();
  const [, , { header, data }] = vectors.sealed as [unknown, unknown, (typeof vectors.sealed)[2]];
  const { sealed } = data;
  const open = (change: object, from = header.from, to = header.to) =>
    key.unseal(from, to, { sealed: { ...sealed, ...change } });
  expect(await open({})).not.toBeNull();
  expect(await open({}, "eve")).toBeNull();
  expect(await open({}, header.from, "cleo")).toBeNull();
  expect(await open({}, header.to, header.from)).toBeNull();
  for (const change of [
    { n: sealed.n + 1 },
    { s: sealed.r, r: sealed.s },
    { r: "" },
    { v: 2 },
    { n: -1 },
    { n: 1.5 },
    { n: "2" },
    { c: "" },
    { c: sealed.c.slice(0, -4) },
    { c: `${sealed.c}AAAA` },
    { c: `_${sealed.c.slice(1)}` },
    { c: sealed.c.replace(/.$/, "!") },
  ]) {
    expect(await open(change)).toBeNull();
  }
  for (let at = 0; at < sealed.c.length; at += 37) {
    const other = sealed.c[at] === "A" ? "B" : "A";
    expect(await open({ c: sealed.c.slice(0, at) + other + sealed.c.slice(at + 1) })).toBeNull();
  }
});

test("another room's key, and another secret, open nothing", async () => {
  const [{ header, data }] = vectors.sealed as [(typeof vectors.sealed)[0]];
  for (const key of [await keyOf(vectors.secret, "abc-defg-hik"), await keyOf("q83vEjRWeJCrze8SNFZ4kQ")]) {
    expect(await key.unseal(header.from, header.to, data)).toBeNull();
    expect(await key.unsealName(vectors.name.sealed)).toBeNull();
  }
});

test("names for the door fit into a join and tell nothing by their length", async () => {
  const key = await keyOf();
  expect(await key.unsealName(vectors.name.sealed)).toBe(vectors.name.clear);
  expect(await key.unsealName("Ann")).toBeNull();
  const names = ["", "Ann", "Marguerite Delacroix-Beaumont", "王小明".repeat(20), "🦊".repeat(40)];
  for (const name of names) {
    const sealed = await key.sealName(name);
    expect(sealed).toHaveLength(vectors.name.sealed.length);
    expect(sealed.length).toBeLessThanOrEqual(128);
    const read = await key.unsealName(sealed);
    expect(name.startsWith(read ?? "?")).toBe(true);
    expect(new TextDecoder().decode(new TextEncoder().encode(read ?? ""))).toBe(read);
  }
});

test("a session of one's own: nothing in it comes twice, and it keeps to its commitment", async () => {
  const key = await keyOf();
  const [one, other] = [await key.newSession(), await key.newSession()];
  expect(new Set([one.s, one.nonce, one.commit, other.s, other.nonce, other.commit]).size).toBe(6);
  const header = { from: "a", to: "b", s: one.s, r: other.s, n: 1 };
  const sealed = await key.seal(header, writeLetter({ type: "reveal", nonce: one.nonce }));
  expect((await key.unseal("a", "b", sealed))?.digest).toBe(one.commit);
});

test("the code's bytes", async () => {
  const key = await keyOf();
  const { present, bytes } = vectors.code;
  expect(toHex(await key.makeCode(gather([...present].reverse())))).toBe(bytes);
  expect(fromHex(bytes)).toHaveLength(16);
});

test("a page without cryptography has no vault", () => {
  vi.stubGlobal("crypto", { getRandomValues: () => {} });
  try {
    expect(webVault()).toBeNull();
  } finally {
    vi.unstubAllGlobals();
  }
});

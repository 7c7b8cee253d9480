/** The laboratory's routers behave as their names say (RFC 4787), before anything is built upon them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab, OTHER_SERVER, SERVER, SERVER6, unable } from "./lab.mjs";
import { Lines } from "./lines.mjs";

const skip = unable() ?? false;
const here = (file) => new URL(file, import.meta.url).pathname;

/** Does it map one socket to one port for all; and who may answer: any address, that address, that address and port? */
const BEHAVIOUR = {
  "full-cone": { oneMapping: true, lets: ["other address", "other port"] },
  "address-restricted": { oneMapping: true, lets: ["other port"] },
  "port-restricted": { oneMapping: true, lets: [] },
  "double-nat": { oneMapping: true, lets: [] },
  symmetric: { oneMapping: false, lets: [] },
};

let lab;
let reflector;
before(async () => {
  if (skip) return;
  lab = new Lab();
  reflector = lab.spawn(process.execPath, [here("reflector.mjs"), SERVER, OTHER_SERVER, SERVER6]);
  await new Lines(reflector, "reflector").until("it listens", (line) => line === "ready");
});
after(() => lab?.close());

function prober(site, family = "4") {
  const child = site.spawn(process.execPath, [here("prober.mjs"), family]);
  const heard = new Lines(child, site.kind, (line) => JSON.parse(line));
  const ask = (address, port) => child.stdin.write(`${address} ${port}\n`);
  return { heard, ask };
}

for (const [kind, { oneMapping, lets }] of Object.entries(BEHAVIOUR)) {
  test(`${kind} maps and filters as such`, { skip }, async () => {
    const { heard, ask } = prober(lab.site(kind));
    ask(SERVER, 3478);
    const [, , [address, port]] = await heard.until("an answer", () => true);
    ask(OTHER_SERVER, 3479);
    const [, , second] = await heard.until("an answer of the other", ([from]) => from === OTHER_SERVER);
    assert.equal(second[0], address);
    assert.equal(second[1] === port, oneMapping, `${port}, then ${second[1]}`);

    // A router that has heard of nobody but the first: its filter is what is looked at.
    const fresh = prober(lab.site(kind));
    fresh.ask(SERVER, 3478);
    const [, , seen] = await fresh.heard.until("an answer", () => true);
    const to = seen.join(" ");
    reflector.stdin.write(`${OTHER_SERVER} 3478 ${to}\n${SERVER} 3479 ${to}\n${SERVER} 3478 ${to}\n`);
    // Written last, over the same wires, from where it may always answer: what came before it has arrived, or never does.
    await fresh.heard.until(
      "what it may hear",
      ([from, at, [said]]) => from === SERVER && at === 3478 && said === "unasked",
    );
    const unasked = fresh.heard.all
      .filter(([, , [said]]) => said === "unasked")
      .map(([from, at]) => `${from} ${at}`);
    assert.equal(unasked.includes(`${OTHER_SERVER} 3478`), lets.includes("other address"));
    assert.equal(unasked.includes(`${SERVER} 3479`), lets.includes("other port"));
  });
}

test("a host without IPv4 is seen as itself, and hears nobody that it did not ask", { skip }, async () => {
  const { heard, ask } = prober(lab.site("ipv6-only"), "6");
  ask(SERVER6, 3478);
  const [, , [address, port]] = await heard.until("an answer", () => true);
  assert.equal(port, 40000);
  reflector.stdin.write(`${SERVER6} 3479 ${address} ${port}\n${SERVER6} 3478 ${address} ${port}\n`);
  await heard.until("what it may hear", ([, at, [said]]) => at === 3478 && said === "unasked");
  assert.ok(!heard.all.some(([, at]) => at === 3479));
});

test("where UDP is blocked nothing of it gets through, and TCP does", { skip }, async () => {
  const site = lab.site("udp-blocked");
  const { heard, ask } = prober(site);
  ask(SERVER, 3478);
  const listener = lab.spawn(process.execPath, [
    "-e",
    `require("node:net").createServer((s) => s.end("hello")).listen(7000, () => console.log("ready"))`,
  ]);
  await new Lines(listener, "listener").until("it listens", () => true);
  const child = site.spawn(process.execPath, [
    "-e",
    `require("node:net").connect(7000, "${SERVER}").on("data", (d) => console.log(String(d)))`,
  ]);
  await new Lines(child, "client").until("TCP gets through", (line) => line === "hello");
  assert.deepEqual(heard.all, []);
});

/** `./dev bench [join] [peer] [loss] [size] [signaling] [tls]`: figures beside a peer's of the same run. Nothing here asserts. */
import { Display } from "../support/display.ts";
import { join } from "./join.ts";
import { loss } from "./loss.ts";
import { peer } from "./peer.ts";
import { machine } from "./report.ts";
import { signaling } from "./signaling.ts";
import { size } from "./size.ts";
import { tls } from "./tls.ts";

const all = { join, peer, loss, size, signaling, tls };
const wanted = process.argv.slice(2);
// What a peer connection is worth is not told without it.
if (wanted.includes("peer")) wanted.push("loss");
const unknown = wanted.filter((name) => !(name in all));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(", ")}; there are ${Object.keys(all).join(", ")}`);
  process.exit(2);
}

machine();
const display = await Display.open();
for (const [name, bench] of Object.entries(all)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  await bench(display);
}
await display.close();

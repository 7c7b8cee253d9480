// The arrows of ARCHITECTURE.md, held by a machine: who may import whom, and who alone may say certain words.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const ui = join(root, "ui/src");
const may = {
  core: ["core", "generated"],
  media: ["media", "core", "generated"],
  platform: ["platform", "core", "generated"],
  view: ["view", "core", "media", "platform", "generated"],
};
const words = [
  [/@tauri-apps|tauri-plugin-/, "platform", "only platform/ may say @tauri-apps"],
  [
    /\bRTCPeerConnection\b|\bgetUserMedia\b/,
    "media",
    "only media/ may say RTCPeerConnection or getUserMedia",
  ],
];
const crates = {
  "snug-protocol": [],
  "snug-room": ["snug-protocol"],
  "snug-session": ["snug-protocol"],
  "snug-client": ["snug-protocol", "snug-session"],
  "snug-server": ["snug-protocol", "snug-room", "snug-turn"],
  "snug-turn": [],
  "snug-load": [],
  "tauri-plugin-peer-connection": [],
  "snug-lab": ["snug-protocol", "snug-session", "snug-client", "tauri-plugin-peer-connection"],
  "snug-desktop": [
    "snug-protocol",
    "snug-session",
    "snug-client",
    "snug-server",
    "tauri-plugin-peer-connection",
  ],
};
const wrong = [];

for (const file of readdirSync(ui, { recursive: true })) {
  if (!/\.(ts|svelte)$/.test(file) || /\.test\.ts$/.test(file)) continue;
  const layer = file.split("/")[0];
  if (!(layer in may)) continue;
  const text = readFileSync(join(ui, file), "utf8");
  for (const [, from] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
    const target = relative(ui, normalize(join(ui, dirname(file), from))).split("/")[0];
    if (!may[layer].includes(target))
      wrong.push(`ui/src/${file} imports ${from}: ${layer} may not import ${target}`);
  }
  // Comments and sentences may name what the code may not, and a host may ask whether it is there.
  const code = text
    .replace(/\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->|(^|\s)\/\/.*$/gm, "")
    .replace(/typeof RTCPeerConnection/g, "")
    .replace(/"(?!tauri-plugin-|@tauri-apps)[^"\n]*"/g, '""');
  for (const [word, home, rule] of words) {
    if (layer !== home && word.test(code)) wrong.push(`ui/src/${file}: ${rule}`);
  }
}

for (const folder of [...readdirSync(join(root, "crates")).map((name) => `crates/${name}`), "src-tauri"]) {
  const text = readFileSync(join(root, folder, "Cargo.toml"), "utf8");
  const name = text.match(/^name = "([^"]+)"/m)?.[1];
  const normal = text
    .split(/^\[/m)
    .filter((part) => /^(target\..*\.)?dependencies\]/.test(part))
    .join("\n");
  for (const [, dependency] of normal.matchAll(/^(snug-[a-z]+|tauri-plugin-peer-connection)\b/gm)) {
    if (crates[name] && !crates[name].includes(dependency))
      wrong.push(`${folder}: ${name} may not depend on ${dependency}`);
  }
}

if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
console.error("arrows: all as drawn");

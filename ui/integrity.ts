/**
 * Subresource integrity for the guest's page: the page names the SHA-384 of every script and style that it may load, also of
 * those that come later, by an import map (HTML 8.1.6.2). Whoever keeps the page itself keeps all of it.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "vite";

export function integrity(): Plugin {
  return {
    name: "snug-integrity",
    apply: "build",
    async writeBundle({ dir }, bundle) {
      if (dir === undefined || !("index.html" in bundle)) return;
      const sums = new Map<string, string>();
      for (const file of Object.keys(bundle).sort()) {
        if (/\.(js|css)$/.test(file)) sums.set(`/${file}`, sumOf(await readFile(join(dir, file))));
      }
      const page = join(dir, "index.html");
      await writeFile(page, vouch(await readFile(page, "utf8"), sums));
    },
  };
}

function sumOf(bytes: Uint8Array): string {
  return `sha384-${createHash("sha384").update(bytes).digest("base64")}`;
}

function vouch(html: string, sums: ReadonlyMap<string, string>): string {
  const tagged = html.replace(
    /<(?:script|link)\b[^>]*?(?:src|href)="([^"]+)"[^>]*?(?=\s*\/?>)/g,
    (tag, path) => {
      const sum = sums.get(path);
      return sum === undefined ? tag : `${tag} integrity="${sum}"`;
    },
  );
  const scripts = Object.fromEntries([...sums].filter(([path]) => path.endsWith(".js")));
  // It has to stand before the first module.
  const map = `<script type="importmap">${JSON.stringify({ integrity: scripts })}</script>`;
  if (!tagged.includes('<script type="module"')) throw new Error("the page has no script to vouch for");
  return tagged.replace('<script type="module"', () => `${map}\n    <script type="module"`);
}

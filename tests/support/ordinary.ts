/**
 * Starting programs as people do. Root may have real-time threads and raised priorities without limit; WebKit and Chromium
 * take them for sound and pictures, and on a busy machine nothing else runs then, their own pages included.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What comes before a command. */
export const ORDINARY: readonly string[] = ordinary();

/** A program for those who can start nothing but a program: it is this command. */
export function programOf(name: string, command: readonly string[]): string {
  const path = join(mkdtempSync(join(tmpdir(), "snug-program-")), name);
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  writeFileSync(path, `#!/bin/sh\nexec ${quoted.join(" ")} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

function ordinary(): string[] {
  const how = ["setpriv", "--bounding-set=-sys_nice"];
  // Some containers' root may not give up what it may not do anyway.
  const works = process.getuid?.() === 0 && spawnSync("setpriv", [...how.slice(1), "true"]).status === 0;
  return works ? how : [];
}

// What a checkout of web-platform-tests holds for this runner: its test pages, and wrappers for its bare scripts.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/** Folders with helpers, reference material and recordings, not with tests. */
const NO_TESTS = ["third_party", "tools", "resources", "coverage", "support"];
/** Seconds a page may take by its own account. */
const SECONDS = { normal: 10, long: 60 };

/**
 * The tests below `folders` of `suite`: `{path, variant, seconds, skip?}`. Wrappers go to `staging`, which is to be
 * served before the suite.
 */
export function collect(suite, folders, staging) {
  const tests = [];
  for (const folder of folders) {
    for (const file of walk(join(suite, folder))) {
      const path = relative(suite, file).split(sep).join("/");
      const bare = /\.(any|window)\.js$/.test(path);
      if (!bare && !/\.html?$/.test(path)) continue;
      const text = readFileSync(file, "utf8");
      if (!bare && !text.includes("testharness.js")) continue;
      const page = bare ? path.replace(/\.js$/, ".html") : path;
      if (bare) wrap(join(staging, page), path, text);
      const long = /name=["']?timeout["']? content=["']?long|META: timeout=long/.test(text);
      const skip = unsupported(page, text);
      for (const variant of variants(text)) {
        tests.push({
          path: page,
          variant,
          seconds: SECONDS[long ? "long" : "normal"],
          ...(skip && { skip }),
        });
      }
    }
  }
  return tests.sort((one, other) => (one.path < other.path ? -1 : 1));
}

function* walk(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && !NO_TESTS.includes(entry.name)) yield* walk(path);
    else if (entry.isFile()) yield path;
  }
}

function variants(text) {
  const found = [...text.matchAll(/name=["']?variant["']? content=["'](\?[^"']*)|META: variant=(\?\S+)/g)];
  return found.length > 0 ? found.map(([, tag, comment]) => tag ?? comment) : [""];
}

/** Why this runner's plain server cannot serve a test. */
function unsupported(path, text) {
  if (/\.sub\./.test(path)) return "wants templates filled in by the server";
  if (/-manual\b/.test(path)) return "wants a person";
  if (/[?&]pipe=|\.py\b|\.sub\.(js|html)["'?]/.test(text)) return "wants the suite's own server";
  return undefined;
}

/** A page around a bare script, as the suite's own server would make one. */
function wrap(page, path, text) {
  const scripts = [...text.matchAll(/^\/\/ META: script=(.*)$/gm)].map(([, script]) => script.trim());
  const long = /META: timeout=long/.test(text) ? '<meta name="timeout" content="long">' : "";
  const sources = ["/resources/testharness.js", "/resources/testharnessreport.js", ...scripts, `/${path}`];
  const tags = sources.map((source) => `<script src="${source}"></script>`);
  const environment = "<script>self.GLOBAL = { isWindow: () => true, isWorker: () => false };</script>";
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, ["<!doctype html>", '<meta charset="utf-8">', long, environment, ...tags].join("\n"));
}

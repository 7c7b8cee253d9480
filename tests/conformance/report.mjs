// The outcome as JSON and as a table.

/** Subtests by file: how many Chromium passes, how many of those the plugin passes too, and how many it passes at all. */
export function summarise(tests, webview, reference) {
  const files = tests.map((test) => {
    const id = test.path + test.variant;
    if (test.skip) return { file: id, skipped: test.skip };
    const ours = passed(webview[id]);
    const theirs = passed(reference[id]);
    const both = [...theirs].filter((name) => ours.has(name)).length;
    const all = new Set(
      [...(webview[id]?.tests ?? []), ...(reference[id]?.tests ?? [])].map(({ name }) => name),
    );
    return { file: id, subtests: all.size, webview: ours.size, chromium: theirs.size, both };
  });
  const sum = (member) => files.reduce((total, file) => total + (file[member] ?? 0), 0);
  const [subtests, ours, theirs, both] = ["subtests", "webview", "chromium", "both"].map(sum);
  const share = theirs === 0 ? 0 : both / theirs;
  return { files, total: { subtests, webview: ours, chromium: theirs, both, share } };
}

function passed(outcome) {
  return new Set((outcome?.tests ?? []).filter(({ status }) => status === "PASS").map(({ name }) => name));
}

export function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

/** A table in Markdown, one row a file. */
export function table({ files, total }, about) {
  const rows = files
    .filter(({ skipped }) => !skipped)
    .map(
      ({ file, subtests, webview, chromium, both }) =>
        `| ${file} | ${subtests} | ${webview} | ${chromium} | ${both} | ${chromium ? percent(both / chromium) : "-"} |`,
    );
  const skipped = files.filter((file) => file.skipped).map((file) => `- ${file.file}: ${file.skipped}`);
  return [
    "# Conformance",
    "",
    `Measured on ${about.date} with web-platform-tests ${about.suite} in ${about.system}: the plugin in its webview, and`,
    `${about.chromium} with its own peer connection. \`./dev conformance --suite DIR\` measures, and leaves this file in`,
    "`target/conformance/conformance.md`. Nothing of the suite is part of this repository.",
    "",
    `**Of the ${total.chromium} subtests that Chromium passes, the plugin passes ${total.both}: ${percent(total.share)}.**`,
    `All in all it passes ${total.webview} of ${total.subtests}.`,
    "",
    "| file | subtests | plugin | Chromium | both | share |",
    "| --- | --: | --: | --: | --: | --: |",
    ...rows,
    "",
    ...(skipped.length > 0 ? ["Skipped:", "", ...skipped, ""] : []),
  ].join("\n");
}

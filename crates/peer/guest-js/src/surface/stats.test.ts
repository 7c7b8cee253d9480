import { expect, test } from "vitest";
import { byPageClock, makeReport, select } from "./stats";

const entries = [
  { id: "T", type: "transport", timestamp: 1, selectedCandidatePairId: "P" },
  { id: "P", type: "candidate-pair", timestamp: 1 },
  { id: "A", type: "outbound-rtp", timestamp: 1, mid: "0", transportId: "T", codecId: "gone" },
  { id: "B", type: "outbound-rtp", timestamp: 1, mid: "1", transportId: "T" },
  { id: "C", type: "inbound-rtp", timestamp: 1, mid: "0", transportId: "T" },
];

test("a sender's part is its stream and what that refers to", () => {
  expect(
    select(entries, "0", "outbound-rtp")
      .map(({ id }) => id)
      .sort(),
  ).toEqual(["A", "P", "T"]);
  expect(select(entries, null, "outbound-rtp")).toEqual([]);
});

test("a report reads like a Map", () => {
  const report = makeReport(entries);
  expect(report.size).toBe(5);
  expect(report.get("A")?.mid).toBe("0");
  expect([...report].map(([id]) => id)).toEqual(["T", "P", "A", "B", "C"]);
  const seen: string[] = [];
  report.forEach((entry, id) => {
    seen.push(`${id}${entry.type.length}`);
  });
  expect(seen).toHaveLength(5);
});

test("times are the page's, and what the remote told keeps its age", () => {
  const made = [
    { id: "R", type: "remote-inbound-rtp", timestamp: 40, remoteTimestamp: 7 },
    { id: "L", type: "remote-candidate", timestamp: 50 },
    { id: "I", type: "inbound-rtp", timestamp: 50, lastPacketReceivedTimestamp: 49 },
    { id: "F", type: "remote-outbound-rtp", timestamp: 60 },
  ];
  expect(byPageClock(made, 1050)).toEqual([
    { id: "R", type: "remote-inbound-rtp", timestamp: 1040, remoteTimestamp: 7 },
    { id: "L", type: "remote-candidate", timestamp: 1050 },
    { id: "I", type: "inbound-rtp", timestamp: 1050, lastPacketReceivedTimestamp: 1049 },
    { id: "F", type: "remote-outbound-rtp", timestamp: 1050 },
  ]);
  expect(byPageClock([], 1050)).toEqual([]);
});

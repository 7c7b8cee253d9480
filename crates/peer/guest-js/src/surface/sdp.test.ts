import { expect, test } from "vitest";
import { alike, directionOf, parseSdp, reversed, withCandidate } from "./sdp";

const SDP = [
  "v=0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=mid:0",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:secret",
  "a=sendrecv",
  "a=msid:one a",
  "a=msid:two a",
  "m=video 0 UDP/TLS/RTP/SAVPF 96",
  "a=mid:v.1",
  "a=recvonly",
  "a=msid:- b",
  "",
].join("\r\n");

test("sections tell who sends what", () => {
  expect(parseSdp(SDP)).toEqual({
    sections: [
      {
        kind: "audio",
        mid: "0",
        rejected: false,
        direction: "sendrecv",
        streams: ["one", "two"],
        identified: true,
        ufrag: "abcd",
        pwd: "secret",
        candidates: [],
      },
      {
        kind: "video",
        mid: "v.1",
        rejected: true,
        direction: "recvonly",
        streams: [],
        identified: true,
        ufrag: "",
        pwd: "",
        candidates: [],
      },
    ],
    credentials: new Set(["abcd:secret"]),
  });
});

test("a bundled section at port 0 is not rejected", () => {
  expect(parseSdp("m=video 0 X\r\na=mid:1\r\na=bundle-only\r\n").sections[0]?.rejected).toBe(false);
});

test("a candidate goes to the end of its section, once", () => {
  const candidate = { candidate: "candidate:1 1 udp 1 10.0.0.1 5 typ host", sdpMid: "0" };
  const line = "a=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\n";
  const once = withCandidate(SDP, candidate);
  expect(once).toContain(`${line}m=video`);
  expect(withCandidate(once, candidate)).toBe(once);
  expect(withCandidate(SDP, { ...candidate, sdpMid: "v.1" }).endsWith(line)).toBe(true);
  expect(withCandidate(SDP, { ...candidate, sdpMid: null, sdpMLineIndex: 1 }).endsWith(line)).toBe(true);
  expect(withCandidate(SDP, { ...candidate, sdpMid: "vx1" })).toBe(SDP);
});

test("directions", () => {
  expect(directionOf(true, false)).toBe("sendonly");
  expect(reversed("sendonly")).toBe("recvonly");
  expect(reversed("inactive")).toBe("inactive");
});

test("the streams of a section's sources count where it has no msid of its own", () => {
  const text = (lines: string) => `v=0\r\nm=video 9 X\r\na=mid:0\r\n${lines}`;
  const [one] = parseSdp(text("a=ssrc:1 cname:x\r\na=ssrc:1 msid:s t\r\na=ssrc:2 msid:s t\r\n")).sections;
  expect(one).toMatchObject({ streams: ["s"], identified: true });
  const [two] = parseSdp(text("a=ssrc:1 msid:s t\r\na=msid:- t\r\n")).sections;
  expect(two).toMatchObject({ streams: [], identified: true });
  expect(parseSdp(text("")).sections[0]).toMatchObject({ streams: [], identified: false });
});

test("candidates make no difference between descriptions", () => {
  expect(alike("v=0\r\na=candidate:1\r\na=x\r\n", "v=0\r\na=x\r\na=end-of-candidates\r\n")).toBe(true);
  expect(alike("v=0\r\na=x\r\n", "v=0\r\na=y\r\n")).toBe(false);
});

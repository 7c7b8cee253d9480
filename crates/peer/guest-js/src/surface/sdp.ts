// As much of SDP as the page must understand: who sends what in which section, and where a candidate belongs.
import type { Direction } from "../wire";

export interface Section {
  kind: string;
  mid: string | null;
  rejected: boolean;
  direction: Direction;
  /** Stream ids of the section's msid lines, without "-"; where it has none, those of its sources. */
  streams: string[];
  /** It says which streams its track belongs to, if only that these are none. */
  identified: boolean;
  /** ICE credentials, the session's where the section has none; empty where neither has. */
  ufrag: string;
  pwd: string;
  /** Candidate attribute values. */
  candidates: string[];
}

export interface Sdp {
  sections: Section[];
  /** `ufrag:pwd`, once each. */
  credentials: Set<string>;
}

export function parseSdp(sdp: string): Sdp {
  const sections: Section[] = [];
  const credentials = new Set<string>();
  let sessionDirection: Direction = "sendrecv";
  const session = { ufrag: "", pwd: "" };
  const ofSources = new Map<Section, string[]>();
  for (const line of sdp.split(/\r?\n/)) {
    const section = sections.at(-1);
    if (line.startsWith("m=")) {
      const [kind = "", port] = line.slice(2).split(" ");
      sections.push({
        kind,
        mid: null,
        rejected: port === "0",
        direction: sessionDirection,
        streams: [],
        identified: false,
        candidates: [],
        ...session,
      });
    } else if (line.startsWith("a=mid:") && section) {
      section.mid = line.slice(6).trim();
    } else if (line.startsWith("a=msid:") && section) {
      section.identified = true;
      addStream(section.streams, line.slice(7));
    } else if (/^a=ssrc:\d+ msid:/.test(line) && section) {
      const streams = ofSources.get(section) ?? [];
      addStream(streams, line.slice(line.indexOf(" msid:") + 6));
      ofSources.set(section, streams);
    } else if (line === "a=bundle-only" && section) {
      section.rejected = false;
    } else if (line.startsWith("a=ice-ufrag:")) {
      (section ?? session).ufrag = line.slice(12).trim();
    } else if (line.startsWith("a=ice-pwd:")) {
      (section ?? session).pwd = line.slice(10).trim();
    } else if (line.startsWith("a=candidate:") && section) {
      section.candidates.push(line.slice(2).trim());
    } else {
      const direction = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/.exec(line)?.[1] as
        | Direction
        | undefined;
      if (direction && section) section.direction = direction;
      else if (direction) sessionDirection = direction;
    }
  }
  for (const [section, streams] of ofSources) {
    if (!section.identified) Object.assign(section, { streams, identified: true });
  }
  for (const { ufrag, pwd } of sections) if (ufrag !== "") credentials.add(`${ufrag}:${pwd}`);
  return { sections, credentials };
}

function addStream(streams: string[], msid: string): void {
  const stream = msid.trim().split(" ")[0];
  if (stream && stream !== "-" && !streams.includes(stream)) streams.push(stream);
}

/** Whether two descriptions differ at most in the candidates that became known meanwhile. */
export function alike(one: string, other: string): boolean {
  const lasting = (sdp: string) => sdp.replace(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, "");
  return lasting(one) === lasting(other);
}

/** The description with a candidate written into its section, as `localDescription` must show it. */
export function withCandidate(
  sdp: string,
  { candidate, sdpMid, sdpMLineIndex }: RTCIceCandidateInit,
): string {
  if (!candidate) return sdp;
  const line = `a=${candidate.replace(/^a=/, "")}`;
  const starts = [...sdp.matchAll(/^m=/gm)].map((match) => match.index);
  const target = starts.findIndex((start, index) => {
    if (sdpMid === undefined || sdpMid === null) return index === (sdpMLineIndex ?? 0);
    return new RegExp(`^a=mid:${sdpMid.replace(/[^\w]/g, "\\$&")}\\r?$`, "m").test(
      sdp.slice(start, starts[index + 1]),
    );
  });
  if (target < 0) return sdp;
  const end = starts[target + 1] ?? sdp.length;
  const section = sdp.slice(starts[target], end);
  if (section.includes(`${line}\r\n`)) return sdp;
  return `${sdp.slice(0, end)}${line}\r\n${sdp.slice(end)}`;
}

/** The description with the end of candidates written into sections, as `remoteDescription` must show it. */
export function endOfCandidates(sdp: string, sections: number[]): string {
  const starts = [...sdp.matchAll(/^m=/gm)].map((match) => match.index);
  const parts = [
    sdp.slice(0, starts[0]),
    ...starts.map((start, index) => sdp.slice(start, starts[index + 1])),
  ];
  const line = "a=end-of-candidates\r\n";
  return parts
    .map((part, index) => (sections.includes(index - 1) && !part.includes(line) ? part + line : part))
    .join("");
}

/** Of the layers of a simulcast that a section asks for (RFC 8853), whether they shall pause. */
export function layersAsked(sdp: string, mid: string): Map<string, boolean> {
  const section = sdp.split(/^(?=m=)/m).find((text) => text.split(/\r?\n/).includes(`a=mid:${mid}`));
  const list = /^a=simulcast:(?:.*? )?recv (\S+)/m.exec(section ?? "")?.[1] ?? "";
  const layers = list.split(";").map((layer) => layer.split(",")[0] ?? "");
  return new Map(layers.map((layer) => [layer.replace(/^~/, ""), layer.startsWith("~")]));
}

export function sends(direction: Direction | null): boolean {
  return direction === "sendrecv" || direction === "sendonly";
}

export function receives(direction: Direction | null): boolean {
  return direction === "sendrecv" || direction === "recvonly";
}

export function directionOf(send: boolean, receive: boolean): Direction {
  if (send) return receive ? "sendrecv" : "sendonly";
  return receive ? "recvonly" : "inactive";
}

/** The same direction seen from the other end. */
export function reversed(direction: Direction): Direction {
  if (direction === "stopped") return direction;
  return directionOf(receives(direction), sends(direction));
}

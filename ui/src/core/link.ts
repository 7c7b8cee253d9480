/**
 * Room links, made and read. What is read may come from a stranger, so the grammar is a narrow one of our own and not
 * all that a URL may be: ASCII only, no user, no escapes, one path. `tests/scenarios/links.json` holds the examples.
 */

import { toBase64url } from "./bytes";

/**
 * A room's link: `https://HOST/r/ROOM#SECRET` or `snug://HOST/r/ROOM#SECRET`, and perhaps `&token=JWT` behind it where a
 * server lets in only whom its operator invited. The secret never leaves the machine.
 */
export interface RoomLink {
  /** `http(s)://HOST[:PORT]` */
  readonly server: string;
  readonly roomId: string;
  /** 128 random bits, base64url; null for a room without one. */
  readonly secret: string | null;
  /** One person's own way in: shown to the server, and given away to nobody else. */
  readonly token?: string;
}

export type LinkProblem =
  | "empty"
  | "too-long"
  /** A scheme other than `https`, `http` and `snug`. */
  | "scheme"
  /** No host, or one that is none: a user name, a port past 65535, letters beyond ASCII. */
  | "host"
  /** The path does not name a room. */
  | "path"
  | "room"
  | "secret"
  /** A bare code, and no server to look for it on. */
  | "no-server";

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: LinkProblem };

/** Reads `https://HOST/r/ROOM#SECRET`, `snug://...`, the same without a scheme, or `ROOM[#SECRET]` on `defaultServer`. */
export function parseLink(input: string, defaultServer: string | null): Parsed<RoomLink> {
  const text = trim(input);
  if (text === "") return problem("empty");
  if (text.length > MAX_LINK) return problem("too-long");
  const hash = text.indexOf("#");
  const fragment = hash < 0 ? "" : text.slice(hash + 1);
  const main = (hash < 0 ? text : text.slice(0, hash)).replace(/\?[\x21-\x7e]*$/, "");
  const keys = readFragment(fragment);
  if (keys === null) return problem("secret");

  if (!main.includes("/") && !main.includes(":")) {
    if (!CODE.test(main)) return problem("room");
    return defaultServer === null
      ? problem("no-server")
      : { ok: true, value: { server: defaultServer, roomId: main, ...keys } };
  }
  const split = splitScheme(main);
  if (split === null) return problem("scheme");
  const slash = split.rest.indexOf("/");
  const server = originOf(split.scheme, slash < 0 ? split.rest : split.rest.slice(0, slash));
  if (server === null) return problem("host");
  const path = slash < 0 ? "" : split.rest.slice(slash);
  if (!path.startsWith("/r/")) return problem("path");
  const roomId = path.slice(3).replace(/\/$/, "");
  if (!ROOM.test(roomId)) return problem("room");
  return { ok: true, value: { server, roomId, ...keys } };
}

/** Reads a server's address as a person types it: `example.org`, `https://example.org`, `192.168.1.5:7000`. */
export function parseServer(input: string): Parsed<string> {
  const text = trim(input);
  if (text === "") return problem("empty");
  if (text.length > MAX_LINK) return problem("too-long");
  const split = splitScheme(text);
  if (split === null) return problem("scheme");
  const rest = split.rest.replace(/\/$/, "");
  const server = originOf(split.scheme, rest);
  return server === null ? problem(rest.includes("/") ? "path" : "host") : { ok: true, value: server };
}

/** The link as this page was given it, for its own address only. */
export function formatOwnLink(link: RoomLink): string {
  if (link.token === undefined) return formatLink(link);
  return `${formatLink(link)}${link.secret === null ? "#" : "&"}token=${link.token}`;
}

/** The link to give away: without what is one person's own. */
export function formatLink(link: RoomLink): string {
  return `${link.server}/r/${link.roomId}${link.secret === null ? "" : `#${link.secret}`}`;
}

/** A new room on `server`, from `RANDOM_BYTES` random bytes: a code of 45 bits to say aloud, and a secret of 128. */
export function makeLink(server: string, random: Uint8Array): RoomLink {
  if (random.length < RANDOM_BYTES) throw new RangeError(`a room needs ${RANDOM_BYTES} random bytes`);
  const letters = Array.from(random.subarray(0, 20), (_, i) => i)
    .filter((i) => i % 2 === 0)
    // Sixteen bits for one of 23 letters: the bias is below one in two thousand.
    .map((i) => LETTERS[((byteAt(random, i) << 8) | byteAt(random, i + 1)) % LETTERS.length])
    .join("");
  const roomId = `${letters.slice(0, 3)}-${letters.slice(3, 7)}-${letters.slice(7, 10)}`;
  return { server, roomId, secret: toBase64url(random.subarray(20, 36)) };
}

export const RANDOM_BYTES = 36;

export function sameRoom(a: RoomLink, b: RoomLink): boolean {
  return a.server === b.server && a.roomId === b.roomId;
}

/** How a room is called where there is no room for its whole link. */
export function roomLabel(link: RoomLink): string {
  return link.roomId;
}

/** A server takes tokens of 8 KiB. */
const MAX_LINK = 10240;
/** No l, i or o, which look like digits and one another. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz";
const ROOM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** Without a dot, or a bare host name would be taken for a room. */
const CODE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;
/** 22 letters carry 132 bits; the last one's four spare bits are zero. */
const SECRET = /^[A-Za-z0-9_-]{21}[AQgw]$/;
const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

type Scheme = "https" | "http" | "snug";

function problem(code: LinkProblem): { ok: false; problem: LinkProblem } {
  return { ok: false, problem: code };
}

function readFragment(fragment: string): { secret: string | null; token?: string } | null {
  const parts = fragment === "" ? [] : fragment.split("&");
  const secret = parts[0]?.startsWith("token=") === false ? (parts.shift() ?? null) : null;
  if (secret !== null && !SECRET.test(secret)) return null;
  const [named, more] = parts;
  if (named === undefined) return { secret };
  const token = named.startsWith("token=") ? named.slice("token=".length) : "";
  return more === undefined && TOKEN.test(token) ? { secret, token } : null;
}

function trim(text: string): string {
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
}

/** `example.org/r/x`, as browsers copy it, is read like a snug link: https unless the host is this machine or its network. */
function splitScheme(text: string): { scheme: Scheme; rest: string } | null {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text);
  if (match === null) {
    // `javascript:alert(1)` has a scheme without slashes; `example.org:8080` has a port.
    return /^[^/]*:(?!\d+(\/|$))/.test(text) && !text.startsWith("[") ? null : { scheme: "snug", rest: text };
  }
  const scheme = (match[1] ?? "").toLowerCase();
  return scheme === "https" || scheme === "http" || scheme === "snug"
    ? { scheme, rest: match[2] ?? "" }
    : null;
}

function originOf(scheme: Scheme, authority: string): string | null {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority);
  if (match === null) return null;
  const host = readHost((match[1] ?? "").toLowerCase());
  if (host === null) return null;
  const web = scheme === "snug" ? (isNear(host) ? "http" : "https") : scheme;
  if (match[2] === undefined) return `${web}://${host}`;
  const port = Number(match[2]);
  if (port < 1 || port > 65535) return null;
  return port === (web === "https" ? 443 : 80) ? `${web}://${host}` : `${web}://${host}:${port}`;
}

function readHost(host: string): string | null {
  if (host.startsWith("[")) return /^\[[0-9a-f:]{2,39}\]$/.test(host) ? readV6(host) : null;
  if (host === "" || host.length > 253) return null;
  const labels = host.split(".");
  if (!labels.every((label) => LABEL.test(label))) return null;
  // Browsers read anything that ends in a number as an IPv4 address, however oddly written: only dotted quads pass.
  const last = labels[labels.length - 1] ?? "";
  if (!/^(\d+|0x[0-9a-f]*)$/.test(last)) return host;
  return labels.length === 4 &&
    labels.every((label) => /^(0|[1-9]\d{0,2})$/.test(label) && Number(label) < 256)
    ? host
    : null;
}

function readV6(host: string): string | null {
  const halves = host.slice(1, -1).split("::");
  if (halves.length > 2) return null;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null;
  return (halves.length === 2 ? groups.length < 8 : groups.length === 8) ? host : null;
}

/** This machine or its own network, where nobody has certificates. */
function isNear(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost") || host.endsWith(".local")) return true;
  if (host.startsWith("[")) return host === "[::1]" || /^\[(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/.test(host);
  const quad = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(host);
  if (quad === null) return false;
  const [a, b] = [Number(quad[1]), Number(quad[2])];
  return (
    a === 127 ||
    a === 10 ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32)
  );
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

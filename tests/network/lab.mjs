/**
 * A network of our own: an internet with servers, and sites behind routers of every kind, each in a network namespace.
 * It wants root and a kernel with namespaces, veth and nftables; `unable` says what is missing.
 *
 *     internet ── bridge ─┬─ router ── host        (a site)
 *                         ├─ carrier ── router ── host   (a site behind two NATs)
 *                         └─ …
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { KINDS, routerRules } from "./nat.mjs";

/** Addresses that are nobody's: the range for benchmarks (RFC 2544) and the one for documents (RFC 3849). */
export const SERVER = "198.18.0.1";
export const SERVER6 = "2001:db8::1";
/** A second server, on the same machine. */
export const OTHER_SERVER = "198.18.0.2";
/** What hosts call it, and what they call both. */
export const NAME = "snug.test";
export const NAME_OF_BOTH = "nodes.test";

const PREFIX = "snuglab";
/** Without one of its own a bridge borrows its lowest port's, and loses it with that: half a minute until all have asked anew. */
const BRIDGE = "02:00:00:00:00:01";

/** Why no laboratory can be had here; null when it can. */
export function unable() {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "only root may make network namespaces";
  for (const tool of ["ip", "nft", "tc"]) {
    if (spawnSync(tool, ["-V"]).error !== undefined) return `${tool} is not installed`;
  }
  const name = `${PREFIX}${process.pid}try`;
  const rules =
    "table inet t { chain c { type nat hook postrouting priority 100; masquerade fully-random; }; }";
  const tried = spawnSync("sh", [
    "-c",
    `ip netns add ${name} && ip -n ${name} link add name a type veth peer name b && echo '${rules}' | ip netns exec ${name} nft -f -`,
  ]);
  spawnSync("ip", ["netns", "del", name]);
  return tried.status === 0 ? null : `this machine refuses: ${tried.stderr.toString().trim()}`;
}

const WITNESS = `table inet witness {
  set direct4 { type ipv4_addr; flags dynamic; size 1024; }
  set direct6 { type ipv6_addr; flags dynamic; size 1024; }
  chain forward {
    type filter hook forward priority -200;
    iifname "lan" ip daddr != { ${SERVER}, ${OTHER_SERVER} } udp length > 800 add @direct4 { ip daddr }
    iifname "lan" ip6 daddr != ${SERVER6} udp length > 800 add @direct6 { ip6 daddr }
  }
}`;

/** One network with its sites, until `close`. */
export class Lab {
  #children = new Set();
  #sites = 0;
  #name = (part) => `${PREFIX}${process.pid}${part}`;

  constructor() {
    sweep();
    process.once("exit", () => this.#remove());
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
    this.internet = this.#name("inet");
    run(`
      ip netns add ${this.internet}
      ip -n ${this.internet} link set lo up
      ip -n ${this.internet} link add br0 address ${BRIDGE} type bridge
      ip -n ${this.internet} link set br0 up
      ip -n ${this.internet} addr add ${SERVER}/16 dev br0
      ip -n ${this.internet} addr add ${OTHER_SERVER}/16 dev br0
      ip -n ${this.internet} addr add ${SERVER6}/64 dev br0 nodad
    `);
    this.#knows(this.internet, [`${SERVER} ${NAME}`]);
  }

  /** A host behind a router of this kind. With `dns` it asks the name service (`dns.mjs`) who is who. */
  site(kind, { dns = false } = {}) {
    if (!KINDS.includes(kind)) throw new Error(`no such kind of router: ${kind}`);
    this.#sites += 1;
    const number = this.#sites;
    const site = new Site(this, kind, number, this.#name(`h${number}`), this.#name(`r${number}`));
    const { host, router } = site;
    const wan = `198.18.${number}.1`;
    run(`
      ip netns add ${host}
      ip netns add ${router}
      ip -n ${host} link set lo up
      ip -n ${router} link set lo up
      ip -n ${host} link add eth0 type veth peer name lan netns ${router}
      ip netns exec ${router} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    `);
    if (kind === "ipv6-only") {
      run(`
        ip -n ${router} link add wan type veth peer name s${number} netns ${this.internet}
        ip -n ${this.internet} link set s${number} master br0 up
        ip -n ${router} addr add 2001:db8::${number}:1/64 dev wan nodad
        ip -n ${router} link set wan up
        ip -n ${this.internet} route add 2001:db8:${number}::/64 via 2001:db8::${number}:1
        ip -n ${router} route add 2001:db8::/32 via ${SERVER6}
      `);
      run(`ip netns exec ${this.internet} sysctl -qw net.ipv6.conf.all.forwarding=1`);
      this.#knows(host, [`${SERVER6} ${NAME}`]);
    } else {
      const carrier = kind === "double-nat" ? this.#name(`c${number}`) : null;
      const outermost = carrier ?? router;
      if (carrier !== null) {
        run(`
          ip netns add ${carrier}
          ip -n ${carrier} link set lo up
          ip -n ${router} link add wan type veth peer name lan netns ${carrier}
          ip -n ${carrier} addr add 100.64.${number}.1/24 dev lan
          ip -n ${carrier} link set lan up
          ip -n ${router} addr add 100.64.${number}.2/24 dev wan
          ip -n ${router} link set wan up
          ip -n ${router} route add default via 100.64.${number}.1
          ip netns exec ${carrier} sysctl -qw net.ipv4.ip_forward=1
        `);
        site.namespaces.push(carrier);
      }
      run(`
        ip -n ${outermost} link add wan type veth peer name s${number} netns ${this.internet}
        ip -n ${this.internet} link set s${number} master br0 up
        ip -n ${outermost} addr add ${wan}/16 dev wan
        ip -n ${outermost} link set wan up
      `);
      if (carrier !== null) rules(carrier, routerRules("port-restricted", ""));
      this.#knows(host, dns ? [] : [`${SERVER} ${NAME}`]);
    }
    site.connect();
    rules(router, routerRules(kind, `10.0.${number}.2`));
    rules(router, WITNESS);
    site.address = kind === "ipv6-only" ? `2001:db8:${number}::2` : wan;
    return site;
  }

  /** Starts a program on the internet's machine; it ends with the laboratory. */
  spawn(command, args, options) {
    return this.spawnIn(this.internet, command, args, options);
  }

  spawnIn(namespace, command, args, options = {}) {
    const child = spawn("ip", ["netns", "exec", namespace, command, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      ...options,
    });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  /** Ends every program, and leaves no namespace behind. */
  close() {
    this.#remove();
  }

  #knows(namespace, hosts) {
    mkdirSync(`/etc/netns/${namespace}`, { recursive: true });
    writeFileSync(
      `/etc/netns/${namespace}/hosts`,
      `127.0.0.1 localhost\n::1 localhost\n${hosts.join("\n")}\n`,
    );
    writeFileSync(
      `/etc/netns/${namespace}/resolv.conf`,
      `nameserver ${SERVER}\noptions timeout:1 attempts:1\n`,
    );
  }

  #remove() {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const namespace of namespaces(`${PREFIX}${process.pid}`)) remove(namespace);
  }
}

/** A host, its router, and the line between them and the internet. */
export class Site {
  constructor(lab, kind, number, host, router) {
    this.lab = lab;
    this.kind = kind;
    this.number = number;
    this.host = host;
    this.router = router;
    this.namespaces = [host, router];
  }

  /**
   * The addresses that the host sent media to: datagrams longer than any of ICE's checks, to anybody but the servers. What
   * the wire carried, whatever a peer connection says of it.
   */
  reached() {
    return ["direct4", "direct6"].flatMap((set) => {
      const listed = spawnSync("ip", [
        "netns",
        "exec",
        this.router,
        "nft",
        "-j",
        "list",
        "set",
        "inet",
        "witness",
        set,
      ]);
      const { nftables } = JSON.parse(listed.stdout.toString());
      return nftables.flatMap((one) => one.set?.elem ?? []);
    });
  }

  /** Gives both ends of the cable between host and router their addresses. */
  connect() {
    const { host, router, number } = this;
    const net = this.kind === "ipv6-only" ? `2001:db8:${number}::` : `10.0.${number}.`;
    const size = this.kind === "ipv6-only" ? "64 nodad" : "24";
    run(`
      ip -n ${router} addr add ${net}1/${size} dev lan
      ip -n ${router} link set lan up
      ip -n ${host} addr add ${net}2/${size} dev eth0
      ip -n ${host} link set eth0 up
      ip -n ${host} route add default via ${net}1
    `);
  }

  /** Starts a program on the host. */
  spawn(command, args, options) {
    return this.lab.spawnIn(this.host, command, args, options);
  }

  /** What leaves and what arrives is lost, and nobody is told: as when a cable breaks behind the router. */
  cut() {
    rules(this.router, "table inet cut { chain forward { type filter hook forward priority -300; drop; }; }");
  }

  /** The TCP connections that the host has now: a word, each, that names them to `break` and `freeze`. */
  connections(port) {
    const listed = spawnSync("ip", ["netns", "exec", this.host, "ss", "-tnH", "dport", "=", `:${port}`]);
    const lines = listed.stdout.toString().split("\n").filter(Boolean);
    return lines.map((line) => Number(/:(\d+)$/.exec(line.trim().split(/\s+/)[3])?.[1]));
  }

  /** Both ends of these connections are told that they are no more. */
  break(ports) {
    this.#single(ports, "reject with tcp reset");
  }

  /** Nothing goes by these connections any more, and nobody is told; others can be made. */
  freeze(ports) {
    this.#single(ports, "drop");
  }

  #single(ports, verdict) {
    const set = `{ ${ports.join(", ")} }`;
    rules(
      this.router,
      `table inet single { chain forward { type filter hook forward priority -280;
        tcp sport ${set} ${verdict}
        tcp dport ${set} ${verdict}
      }; }`,
    );
  }

  /** Undoes `cut` and `lose`. */
  mend() {
    spawnSync("ip", ["netns", "exec", this.router, "nft", "delete", "table", "inet", "cut"]);
    spawnSync("ip", ["netns", "exec", this.router, "nft", "delete", "table", "inet", "loss"]);
  }

  /** Loses this part of the packets, 0 to 1, both ways. */
  lose(part) {
    const of1000 = Math.round(part * 1000);
    rules(
      this.router,
      `table inet loss { chain forward { type filter hook forward priority -290;
        numgen random mod 1000 < ${of1000} drop; }; }`,
    );
  }

  /** Lets no more than this through each way, in kbit/s. */
  narrow(kbits) {
    run(`
      tc -n ${this.host} qdisc replace dev eth0 root tbf rate ${kbits}kbit burst 4kb latency 300ms
      tc -n ${this.router} qdisc replace dev lan root tbf rate ${kbits}kbit burst 4kb latency 300ms
    `);
  }

  widen() {
    for (const [namespace, device] of [
      [this.host, "eth0"],
      [this.router, "lan"],
    ])
      spawnSync("tc", ["-n", namespace, "qdisc", "del", "dev", device, "root"]);
  }

  close() {
    for (const namespace of this.namespaces) remove(namespace);
  }

  /** The host's interface goes down, or comes back: it knows. */
  unplug() {
    run(`ip -n ${this.host} link set eth0 down`);
  }

  plug() {
    run(`
      ip -n ${this.host} link set eth0 up
      ip -n ${this.host} route replace default via 10.0.${this.number}.1
    `);
  }

  /** Another Wi-Fi: the host has a new address, and the router's mappings are forgotten. */
  move() {
    const [from, to] = this.moved ? [3, 2] : [2, 3];
    this.moved = !this.moved;
    run(`
      ip -n ${this.host} addr del 10.0.${this.number}.${from}/24 dev eth0
      ip -n ${this.host} addr add 10.0.${this.number}.${to}/24 dev eth0
      ip -n ${this.host} route replace default via 10.0.${this.number}.1
    `);
  }
}

/** What is left of laboratories whose process was killed. */
function sweep() {
  for (const namespace of namespaces(PREFIX)) {
    const owner = Number(/^\D+(\d+)/.exec(namespace)?.[1]);
    try {
      process.kill(owner, 0);
    } catch {
      remove(namespace);
    }
  }
}

function namespaces(prefix) {
  try {
    return readdirSync("/run/netns").filter(
      (name) => name.startsWith(prefix) && !/^\d/.test(name.slice(prefix.length)),
    );
  } catch {
    // The folder comes with the first namespace.
    return [];
  }
}

function remove(namespace) {
  const pids = spawnSync("ip", ["netns", "pids", namespace]).stdout.toString().split("\n").filter(Boolean);
  for (const pid of pids) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
  spawnSync("ip", ["netns", "del", namespace]);
  rmSync(`/etc/netns/${namespace}`, { recursive: true, force: true });
}

function rules(namespace, text) {
  const done = spawnSync("ip", ["netns", "exec", namespace, "nft", "-f", "-"], { input: text });
  if (done.status !== 0) throw new Error(`nft refuses: ${done.stderr}\n${text}`);
}

export function run(script) {
  const done = spawnSync("sh", ["-ec", script]);
  if (done.status !== 0) throw new Error(`${done.stderr}\n${script}`);
}

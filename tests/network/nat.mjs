/**
 * Routers by their behaviour (RFC 4787), as rules for nftables. The kernel's own masquerading keeps a port where it
 * can and lets in answers only: that is a port-restricted cone. The others are made of it.
 */

/** The six of the matrix, and the host that has no IPv4. */
export const NATS = [
  "full-cone",
  "address-restricted",
  "port-restricted",
  "symmetric",
  "udp-blocked",
  "double-nat",
];
export const KINDS = [...NATS, "ipv6-only"];

/** Whether two kinds can meet without a relay. */
export function direct(a, b) {
  const either = (kind) => a === kind || b === kind;
  if (either("udp-blocked")) return false;
  if (either("ipv6-only")) return a === b;
  if (!either("symmetric")) return true;
  // A symmetric one comes from a port that nobody could foresee: only those let it in that ask for no port.
  const other = a === "symmetric" ? b : a;
  return other === "full-cone" || other === "address-restricted";
}

/** `host` is the one address behind it. Outside is the interface `wan`, inside is `lan`. */
export function routerRules(kind, host) {
  switch (kind) {
    case "full-cone":
      // Whoever knows an open port may use it.
      return nat({
        sets: "set open { type inet_service; flags dynamic, timeout; timeout 5m; }",
        leaving: "meta l4proto udp update @open { udp sport }",
        arriving: `udp dport @open dnat ip to ${host}`,
      });
    case "address-restricted":
      return nat({
        sets: "set open { type ipv4_addr . inet_service; flags dynamic, timeout; timeout 5m; }",
        leaving: "meta l4proto udp update @open { ip daddr . udp sport }",
        arriving: `ip saddr . udp dport @open dnat ip to ${host}`,
      });
    case "port-restricted":
    case "double-nat":
      return nat({});
    case "symmetric":
      return nat({ how: "fully-random" });
    case "udp-blocked":
      return nat({ blocked: "meta l4proto udp drop" });
    case "ipv6-only":
      return `table inet router {
        chain forward { type filter hook forward priority 0; policy drop;
          iifname "lan" accept
          ct state established,related accept
        }
      }`;
    default:
      throw new Error(`no such kind of router: ${kind}`);
  }
}

function nat({ sets = "", leaving = "accept", arriving = null, how = "", blocked = "" }) {
  return `table inet router {
    ${sets}
    chain leave {
      type filter hook postrouting priority 0;
      oifname "wan" ${leaving}
    }
    chain translate {
      type nat hook postrouting priority 100;
      oifname "wan" masquerade ${how}
    }
    chain arrive {
      type nat hook prerouting priority -100;
      ${arriving === null ? "" : `iifname "wan" ${arriving}`}
    }
    chain forward {
      type filter hook forward priority 0; policy drop;
      ${blocked}
      iifname "lan" accept
      ct state established,related accept
      ct status dnat accept
    }
    # What was not asked for must leave no trace: a remembered stranger would take the port of the host's own flow.
    chain input {
      type filter hook input priority 0;
      iifname "wan" ct state new drop
    }
  }`;
}

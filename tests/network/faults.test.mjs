/**
 * Twelve faults, and the recovery from each: without anybody doing anything, with the same roster everywhere, no seat
 * twice, and no message lost or doubled. `SNUG_LAB_ROUNDS=N` repeats each N times; the figures are printed at the end.
 * `SNUG_LAB_LONG=1` cuts a link for five real minutes, too, and `SNUG_LAB_FAULTS=WORDS` runs those alone that have them in
 * their names.
 */
import { after, before, test } from "node:test";
import { Server, unbuilt } from "./house.mjs";
import { Lab, NAME_OF_BOTH, OTHER_SERVER, SERVER, unable } from "./lab.mjs";
import { Lines } from "./lines.mjs";
import { Room, wait } from "./room.mjs";

const skip = unable() ?? unbuilt() ?? false;
const ROUNDS = Number(process.env.SNUG_LAB_ROUNDS ?? 1);
const LONG = process.env.SNUG_LAB_LONG === "1";
const WANTED = process.env.SNUG_LAB_FAULTS ?? "";
/** Faults at a time: most of each is waiting. */
const AT_ONCE = 5;
const here = (file) => new URL(file, import.meta.url).pathname;

let lab;
let others;
let ports = 8100;
const figures = new Map();

before(async () => {
  if (skip) return;
  lab = new Lab();
  others = [lab.site("full-cone", { dns: true }), lab.site("port-restricted", { dns: true })];
});
after(() => {
  lab?.close();
  for (const [name, times] of figures) console.log(`recovery, ${name}: ${summary(times)}`);
});

const FAULTS = {
  "the server is killed, and starts again": {
    forgets: true,
    run: async ({ server }) => {
      await server.kill();
      await server.restart();
    },
  },
  "the server is killed, and another node goes on": {
    serve: twoNodes,
    run: ({ server }) => server.nodes[0].kill(),
  },
  // The end of its connection is lost on the way: only that nothing answers it any more can tell.
  "the server is killed, another node goes on, and one is not told": {
    serve: twoNodes,
    run: async ({ site, server }) => {
      site.freeze(site.connections(server.port));
      await server.nodes[0].kill();
    },
  },
  "the socket is cut": {
    run: ({ site, server }) => site.break(site.connections(server.port)),
  },
  "the link is cut for 2 s": { run: ({ site }) => cut(site, 2_000) },
  "the link is cut for 20 s": { run: ({ site }) => cut(site, 20_000) },
  // The server's patience is a setting, and shortened with the time; a client's has no end.
  "the link is cut for 5 min (here 45 s, with a sixth of the grace)": {
    serve: () => serve({ options: ["--grace", "5"] }),
    forgets: true,
    run: ({ site }) => cut(site, 45_000),
  },
  "the link is cut for 5 min": {
    skip: LONG ? false : "five minutes: SNUG_LAB_LONG=1 asks for it",
    forgets: true,
    run: ({ site }) => cut(site, 5 * 60_000),
  },
  "the address changes": { run: ({ site }) => site.move() },
  "the wall clock jumps an hour ahead, and two back": {
    jumps: true,
    run: async ({ room }) => {
      for (const seconds of ["+3600", "-3600"]) {
        room.clock.set(seconds);
        await room.hearsNews(Date.now());
      }
    },
  },
  "the machine sleeps for 20 s": {
    run: async ({ ann }) => {
      ann.child.kill("SIGSTOP");
      await wait(20_000);
      ann.child.kill("SIGCONT");
    },
  },
  "the socket stays half open": {
    run: ({ site, server }) => site.freeze(site.connections(server.port)),
  },
  "the relay is killed, and starts again": {
    kind: "symmetric",
    media: true,
    serve: withRelay,
    run: async ({ server }) => {
      await server.relay.kill();
      await server.relay.restart();
    },
  },
};

test("faults", { skip, concurrency: AT_ONCE }, async (t) => {
  const dns = await nameService();
  const wanted = Object.entries(FAULTS).filter(([name]) => name.includes(WANTED));
  const tests = wanted.map(([name, how]) =>
    t.test(name, { skip: how.skip ?? false }, () => suffer(name, how)),
  );
  await Promise.all(tests);
  dns.kill("SIGKILL");
});

const DEAD_NAMES = "the name service dies, and the socket with it";
test(DEAD_NAMES, { skip: skip || !DEAD_NAMES.includes(WANTED) }, async () => {
  let dns;
  await suffer(DEAD_NAMES, {
    serve: async () => {
      dns = await nameService();
      return serve();
    },
    run: ({ site, server }) => {
      dns.kill("SIGKILL");
      site.break(site.connections(server.port));
    },
  });
});

/** Three guests talk, something breaks, and all is well again; `run` returns when the fault is over. */
async function suffer(name, { run, serve: begin = serve, kind = "port-restricted", ...how }) {
  for (let round = 0; round < ROUNDS; round += 1) {
    const server = await begin();
    const site = lab.site(kind, { dns: true });
    const room = new Room(lab, server, { ann: site, bob: others[0], eve: others[1] }, how);
    try {
      await room.gathers();
      await run({ site, server, room, ann: room.guest("ann") });
      const took = await room.recovers(Date.now());
      await room.lostNothing();
      figures.set(name, [...(figures.get(name) ?? []), took]);
    } finally {
      await room.close();
      await server.stop();
      site.close();
    }
  }
}

async function cut(site, millis) {
  site.cut();
  await wait(millis);
  site.mend();
}

async function nameService() {
  const child = lab.spawn(process.execPath, [here("dns.mjs")]);
  await new Lines(child, "name service").until("it listens", (line) => line === "ready");
  return child;
}

function serve({ options = [] } = {}) {
  ports += 1;
  return Server.start(lab, { port: ports, turn: ports + 1000, options });
}

/** Two nodes that share a Redis; the first is where everybody is. */
async function twoNodes() {
  ports += 1;
  const port = ports;
  const redis = lab.spawn("redis-server", [
    "--port",
    String(port + 2000),
    "--save",
    "",
    "--bind",
    SERVER,
    "--protected-mode",
    "no",
  ]);
  await new Lines(redis, "redis").until("it listens", (line) => line.includes("Ready to accept connections"));
  const options = ["--redis", `redis://${SERVER}:${port + 2000}`, "--turn-secret", "of the laboratory"];
  const nodes = [];
  for (const address of [SERVER, OTHER_SERVER]) {
    nodes.push(await Server.start(lab, { address, port, turn: port + 1000, options }));
  }
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    redis.kill("SIGKILL");
  };
  return { url: `http://${NAME_OF_BOTH}:${port}`, port, nodes, stop };
}

/** A server, and another that is only its relay. */
async function withRelay() {
  ports += 2;
  const secret = ["--turn-secret", "of the laboratory"];
  const relay = await Server.start(lab, { port: ports + 3000, turn: ports + 1000, options: secret });
  const options = ["--turn-url", `turn:${SERVER}:${ports + 1000}`, ...secret];
  const server = await Server.start(lab, { port: ports, turn: null, options });
  const stop = async () => {
    await Promise.all([server.stop(), relay.stop()]);
  };
  return { url: server.url, port: server.port, relay, stop };
}

function summary(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)];
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, worst ${sorted.at(-1)} ms, of ${sorted.join(" ")}`;
}

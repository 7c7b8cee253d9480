/** Speed and memory of the signaling server beside its rivals and the floor: server alone on one core, load from another. */
import { median, table } from "./report.ts";
import { build, FIGURES, type Figure, type Rival, Running, rivals } from "./rivals.ts";

const ROUNDS = Number(process.env.SNUG_BENCH_ROUNDS ?? 3);
const only = process.env.SNUG_BENCH_RIVALS?.split(",");
const CONNECTIONS = 10_000;

interface Row {
  readonly figure: Figure;
  readonly field: string;
  readonly title: string;
  readonly show: (value: number) => string;
  /** The least of the rounds instead of their median: a busy machine adds whole time slices to the worst of a hundred. */
  readonly best?: true;
}

const us = (value: number) => value.toFixed(2);
const milli = (value: number) => (value / 1000).toFixed(3);
const kilobytes = (value: number) => (value / 1000).toFixed(2);
const ROWS: readonly Row[] = [
  { figure: "relay", field: "us", title: "relay, one message a wake-up, µs", show: us },
  { figure: "burst", field: "us", title: "relay, 16 on their way, µs", show: us },
  { figure: "broadcast", field: "us", title: "broadcast in a room of 50, µs a delivery", show: us },
  { figure: "calls", field: "us", title: "a whole call, µs", show: us },
  { figure: "setup", field: "p50", title: "call set-up at 300 calls/s, p50, ms", show: milli },
  { figure: "setup", field: "p99", title: "call set-up at 300 calls/s, p99, ms", show: milli, best: true },
  { figure: "flood", field: "p50", title: "a message at 20,000/s, p50, ms", show: milli },
  { figure: "flood", field: "p99", title: "a message at 20,000/s, p99, ms", show: milli, best: true },
  { figure: "idle", field: "joined", title: "memory a joined connection, kB", show: kilobytes },
  {
    figure: "idle",
    field: "used",
    title: "the same, once it has exchanged descriptions, kB",
    show: kilobytes,
  },
];

export async function signaling(): Promise<void> {
  build();
  const chosen = rivals.filter(({ name }) => only === undefined || only.includes(name));
  const results = new Map<Rival, Map<Figure, Record<string, number>[]>>();
  const note = (rival: Rival, figure: Figure, result: Record<string, number>) => {
    const figures = results.get(rival) ?? new Map<Figure, Record<string, number>[]>();
    figures.set(figure, [...(figures.get(figure) ?? []), result]);
    results.set(rival, figures);
  };
  const running: Running[] = [];
  try {
    for (const rival of chosen) running.push(await Running.start(rival));
    for (let round = 0; round < ROUNDS; round++) {
      for (const figure of FIGURES) {
        // Side by side, so that a noisy moment of the machine is everybody's.
        for (const server of running) {
          if (!server.rival.cannot?.includes(figure))
            note(server.rival, figure, await server.measure(figure));
        }
      }
    }
  } finally {
    for (const server of running) await server.stop();
  }
  for (const rival of chosen) {
    const server = await Running.start(rival);
    try {
      note(rival, "idle", await server.measure("idle", "--connections", String(CONNECTIONS)));
    } finally {
      await server.stop();
    }
  }

  const value = (rival: Rival | undefined, { figure, field, best }: Row) => {
    const runs = (rival && results.get(rival)?.get(figure)) ?? [];
    const values = runs.map((result) => result[field] ?? Number.NaN);
    return best && values.length > 0 ? Math.min(...values) : median(values);
  };
  const [floor, snug] = ["floor", "snug"].map((wanted) => chosen.find(({ name }) => name === wanted));
  table(
    `signaling: the server alone on a core, median (p99: best) of ${ROUNDS} rounds`,
    ["", ...chosen.map(({ name }) => name), "snug / floor"],
    ROWS.map((row) => [
      row.title,
      ...chosen.map((rival) => {
        const figure = value(rival, row);
        return Number.isNaN(figure) ? "–" : row.show(figure);
      }),
      (value(snug, row) / value(floor, row)).toFixed(2),
    ]),
  );
}

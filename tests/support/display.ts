/** A display and a session bus that nobody looks at: what a desktop program needs to start. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** An X server of its own, at a number that was free. */
export class Display {
  private constructor(
    private readonly child: ChildProcess,
    /** What `DISPLAY` has to be. */
    readonly name: string,
  ) {}

  static async open(width = 1600, height = 1000): Promise<Display> {
    const child = spawn(
      "Xvfb",
      ["-displayfd", "3", "-screen", "0", `${width}x${height}x24`, "-nolisten", "tcp", "-noreset"],
      { stdio: ["ignore", "ignore", "ignore", "pipe"] },
    );
    return new Display(child, `:${await firstLine(child, child.stdio[3] as Readable)}`);
  }

  close(): Promise<void> {
    return end(this.child);
  }
}

/** A session bus of its own: programs on different buses do not find one another. */
export class Bus {
  private constructor(
    private readonly child: ChildProcess,
    /** What `DBUS_SESSION_BUS_ADDRESS` has to be. */
    readonly address: string,
  ) {}

  static async open(): Promise<Bus> {
    const child = spawn("dbus-daemon", ["--session", "--nofork", "--print-address=1"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    return new Bus(child, await firstLine(child, child.stdout));
  }

  close(): Promise<void> {
    return end(this.child);
  }
}

async function firstLine(child: ChildProcess, stream: Readable): Promise<string> {
  const failed = once(child, "error").then(([error]) => {
    throw error;
  });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`${child.spawnfile} ended with ${code}`);
  });
  const [line] = (await Promise.race([once(createInterface({ input: stream }), "line"), failed, ended])) as [
    string,
  ];
  return line.trim();
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill();
  await gone;
}

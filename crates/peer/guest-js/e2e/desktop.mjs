// A desktop without a screen that somebody sits at: a session bus, GNOME's compositor, and its portal, which the bus starts.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "./webview.mjs";

/** Milliseconds by which an answer of the portal is late. */
const LATE = 500;

/** Starts it; gives what programs on it have in their environment, `press(x, y)`, and `calls(member)`. */
export async function openDesktop({ width = 1280, height = 720 } = {}) {
  const home = mkdtempSync(join(tmpdir(), "desktop-"));
  const runtime = join(home, "run");
  mkdirSync(runtime, { mode: 0o700 });
  const env = {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: join(home, "config"),
    XDG_RUNTIME_DIR: runtime,
    XDG_CURRENT_DESKTOP: "GNOME",
    XDG_SESSION_TYPE: "wayland",
    WAYLAND_DISPLAY: "wayland-desktop",
    GSETTINGS_BACKEND: "memory",
    NO_AT_BRIDGE: "1",
  };
  delete env.DISPLAY;
  const children = [];
  const start = (program, args, stdio = "ignore") => {
    // A group of its own, which ends with all that it has started.
    const child = spawn(program, args, { stdio, env, detached: true });
    children.push(child);
    return child;
  };
  const close = () => {
    process.off("exit", close);
    for (const { pid } of children.reverse()) {
      try {
        if (pid) process.kill(-pid);
      } catch (error) {
        if (error.code !== "ESRCH") throw error;
      }
    }
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  process.on("exit", close);
  try {
    const bus = start(
      "dbus-daemon",
      [`--config-file=${busOf(home)}`, "--nofork", "--print-address=1"],
      ["ignore", "pipe", "ignore"],
    );
    env.DBUS_SESSION_BUS_ADDRESS = await firstLine(bus);
    const monitor = `${width}x${height}`;
    const wayland = `--wayland-display=${env.WAYLAND_DISPLAY}`;
    start("mutter", ["--headless", "--wayland", "--no-x11", wayland, "--virtual-monitor", monitor]);
    await until(() => existsSync(join(runtime, env.WAYLAND_DISPLAY)), "the compositor");
    const waited = start("gdbus", ["wait", "--session", "--timeout=60", "org.gnome.Mutter.RemoteDesktop"]);
    const [code] = await once(waited, "exit");
    if (code !== 0) throw new Error("the compositor lends nobody its mouse");
    const hand = start(
      "/usr/bin/python3",
      [fileURLToPath(new URL("hand.py", import.meta.url))],
      ["pipe", "pipe", "inherit"],
    );
    await firstLine(hand);
    const relay = await slowBus(env.DBUS_SESSION_BUS_ADDRESS, join(runtime, "slow-bus"));
    return {
      env: { DBUS_SESSION_BUS_ADDRESS: relay.address, XDG_RUNTIME_DIR: runtime, NO_AT_BRIDGE: "1" },
      press: (x, y) => hand.stdin.write(`${x} ${y}\n`),
      calls: relay.calls,
      close: () => {
        relay.close();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** What a bus is to be like that starts the portal when somebody calls it, and nothing else. */
function busOf(home) {
  const services = join(home, "services");
  mkdirSync(services);
  for (const name of ["portal.Desktop", "impl.portal.desktop.gnome", "impl.portal.PermissionStore"]) {
    const file = `org.freedesktop.${name}.service`;
    const installed = join("/usr/share/dbus-1/services", file);
    if (!existsSync(installed)) throw new Error(`${installed} is missing: install xdg-desktop-portal-gnome`);
    symlinkSync(installed, join(services, file));
  }
  const path = join(home, "bus.conf");
  const rules = '<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>';
  writeFileSync(
    path,
    `<busconfig><type>session</type><listen>unix:dir=${home}</listen><servicedir>${services}</servicedir>
    <policy context="default">${rules}</policy></busconfig>`,
  );
  return path;
}

async function firstLine(child) {
  const failed = once(child, "error").then(([error]) => {
    throw error;
  });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`${child.spawnfile} ended with ${code}`);
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), failed, ended]);
  return line;
}

/**
 * The bus, but with answers of the portal that come late: WebKitGTK listens for them only once the call has returned, and
 * waits for ever for one that was faster (seen with 2.50). It passes no file descriptors on.
 */
async function slowBus(address, path) {
  const [, kind, name] = address.match(/^unix:(path|abstract)=([^,]+)/) ?? [];
  if (!kind) throw new Error(`no bus at ${address}`);
  const spoken = [];
  const server = createServer((client) => {
    const bus = connect({ path: kind === "abstract" ? `\0${name}` : name });
    for (const [one, other] of [
      [client, bus],
      [bus, client],
    ]) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
    client.on("data", (bytes) => {
      spoken.push(bytes);
      bus.write(bytes);
    });
    let held = Buffer.alloc(0);
    bus.on("data", (bytes) => {
      held = Buffer.concat([held, bytes]);
      for (let length = firstMessage(held); length > 0; length = firstMessage(held)) {
        const message = held.subarray(0, length);
        held = held.subarray(length);
        if (message.includes("org.freedesktop.portal.Request\0"))
          setTimeout(() => client.write(message), LATE);
        else client.write(message);
      }
    });
  });
  server.listen(path);
  await once(server, "listening");
  return {
    address: `unix:path=${path}`,
    /** How often programs have called this member of the portal's screen casts. */
    calls: (member) =>
      spoken.filter((bytes) =>
        ["org.freedesktop.portal.ScreenCast\0", `\0${member}\0`].every((part) => bytes.includes(part)),
      ).length,
    close: () => server.close(),
  };
}

/** Bytes of the first message (or of a line, before there are messages) in `bytes`; 0 if it is not whole. */
function firstMessage(bytes) {
  if (bytes.length === 0) return 0;
  const order = String.fromCharCode(bytes[0]);
  if (order !== "l" && order !== "B") return bytes.indexOf("\n") + 1;
  if (bytes.length < 16) return 0;
  const [body, fields] = [4, 12].map((at) =>
    order === "l" ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at),
  );
  const length = 16 + Math.ceil(fields / 8) * 8 + body;
  return length > bytes.length ? 0 : length;
}

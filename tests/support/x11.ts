/** As much of the X11 protocol as it takes to close a window, as a window manager does, and to take its picture. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodePng } from "./png.ts";

/** Asks the window of the process `pid` to close (ICCCM 4.2.8.1: WM_DELETE_WINDOW). */
export async function closeWindow(display: string, pid: number): Promise<void> {
  await withWindow(display, pid, async (x, window) => {
    await x.send(window, await x.atom("WM_PROTOCOLS"), await x.atom("WM_DELETE_WINDOW"));
  });
}

/** What the window of the process `pid` shows, as a PNG. Windows above it hide their part of it. */
export async function pictureOfWindow(display: string, pid: number): Promise<Buffer> {
  return withWindow(display, pid, (x, window) => x.picture(window));
}

async function withWindow<T>(
  display: string,
  pid: number,
  use: (x: X11, window: number) => Promise<T>,
): Promise<T> {
  const x = await X11.open(display);
  try {
    const [protocols, deleteWindow, pidAtom] = [
      await x.atom("WM_PROTOCOLS"),
      await x.atom("WM_DELETE_WINDOW"),
      await x.atom("_NET_WM_PID"),
    ];
    for (const window of await x.children(x.root)) {
      if (!(await x.property(window, protocols)).includes(deleteWindow)) continue;
      if ((await x.property(window, pidAtom))[0] !== pid) continue;
      if (await x.isViewable(window)) return await use(x, window);
    }
    throw new Error("the program has no window on the display");
  } finally {
    x.close();
  }
}

class X11 {
  root = 0;
  private received = Buffer.alloc(0);

  private constructor(private readonly socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      socket.emit("more");
    });
  }

  static async open(display: string): Promise<X11> {
    const socket = connect(`/tmp/.X11-unix/X${display.replace(/^:|\.\d+$/g, "")}`);
    await once(socket, "connect");
    const x = new X11(socket);
    // Little-endian, protocol 11.0, no authorization.
    socket.write(Buffer.from([0x6c, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    const head = await x.take(8);
    const setup = await x.take(head.readUInt16LE(6) * 4);
    if (head[0] !== 1) throw new Error("the X server lets nobody in");
    const vendor = (setup.readUInt16LE(16) + 3) & ~3;
    const formats = setup.readUInt8(21);
    x.root = setup.readUInt32LE(32 + vendor + formats * 8);
    return x;
  }

  async atom(name: string): Promise<number> {
    const text = Buffer.alloc((name.length + 3) & ~3);
    text.write(name);
    const length = Buffer.alloc(4);
    length.writeUInt16LE(name.length);
    return (await this.ask(16, 0, Buffer.concat([length, text]))).readUInt32LE(8);
  }

  async children(window: number): Promise<number[]> {
    const reply = await this.ask(15, 0, words(window));
    return Array.from({ length: reply.readUInt16LE(16) }, (_, i) => reply.readUInt32LE(32 + i * 4));
  }

  /** The property as 32-bit numbers; empty if there is none. */
  async property(window: number, property: number): Promise<number[]> {
    const reply = await this.ask(20, 0, words(window, property, 0, 0, 64));
    return reply[1] === 32
      ? Array.from({ length: reply.readUInt32LE(16) }, (_, i) => reply.readUInt32LE(32 + i * 4))
      : [];
  }

  async isViewable(window: number): Promise<boolean> {
    return (await this.ask(3, 0, words(window))).readUInt8(26) === 2;
  }

  async picture(window: number): Promise<Buffer> {
    const geometry = await this.ask(14, 0, words(window));
    const [width, height] = [geometry.readUInt16LE(16), geometry.readUInt16LE(18)];
    const area = Buffer.alloc(8);
    area.writeUInt16LE(width, 4);
    area.writeUInt16LE(height, 6);
    // ZPixmap, all planes: 32 bits a pixel, blue first.
    const reply = await this.ask(73, 2, Buffer.concat([words(window), area, words(0xffffffff)]));
    const rgb = Buffer.alloc(width * height * 3);
    for (let i = 0; i < width * height; i++) {
      const pixel = reply.readUInt32LE(32 + i * 4);
      rgb.writeUIntBE(pixel & 0xffffff, i * 3, 3);
    }
    return encodePng(width, height, rgb);
  }

  /** A client message of one atom. */
  async send(window: number, type: number, atom: number): Promise<void> {
    const event = Buffer.alloc(32);
    event.writeUInt8(33, 0);
    event.writeUInt8(32, 1);
    event.writeUInt32LE(window, 4);
    event.writeUInt32LE(type, 8);
    event.writeUInt32LE(atom, 12);
    this.write(25, 0, Buffer.concat([words(window, 0), event]));
    // An answer to anything says that the event is on its way.
    await this.atom("WM_PROTOCOLS");
  }

  close(): void {
    this.socket.destroy();
  }

  private write(opcode: number, data: number, body: Buffer): void {
    const head = Buffer.from([opcode, data, 0, 0]);
    head.writeUInt16LE(1 + body.length / 4, 2);
    this.socket.write(Buffer.concat([head, body]));
  }

  /** Replies come in order, and no event was asked for. A window that has gone meanwhile answers with nothing. */
  private async ask(opcode: number, data: number, body: Buffer): Promise<Buffer> {
    this.write(opcode, data, body);
    const head = await this.take(32);
    if (head[0] !== 1) return Buffer.alloc(32);
    return Buffer.concat([head, await this.take(head.readUInt32LE(4) * 4)]);
  }

  private async take(bytes: number): Promise<Buffer> {
    while (this.received.length < bytes) await once(this.socket, "more");
    const taken = this.received.subarray(0, bytes);
    this.received = this.received.subarray(bytes);
    return taken;
  }
}

function words(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) buffer.writeUInt32LE(value, i * 4);
  return buffer;
}

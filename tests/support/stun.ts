/** A STUN server that tells everybody the same address, whatever they come from: two of them look like a symmetric NAT. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

const COOKIE = 0x2112a442;

export class FakeStun {
  private constructor(
    private readonly socket: Socket,
    /** `stun:127.0.0.1:PORT` */
    readonly url: string,
  ) {}

  /** `told`: an IPv4 address and a port. */
  static async telling(told: { address: string; port: number }): Promise<FakeStun> {
    const socket = createSocket("udp4");
    socket.on("message", (request, from) => {
      const answer = answerTo(request, told);
      if (answer !== null) socket.send(answer, from.port, from.address);
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new FakeStun(socket, `stun:127.0.0.1:${socket.address().port}`);
  }

  close(): void {
    this.socket.close();
  }
}

/** A Binding response with XOR-MAPPED-ADDRESS (RFC 8489, section 14.2); null for what is no Binding request. */
function answerTo(request: Buffer, { address, port }: { address: string; port: number }): Buffer | null {
  if (request.length < 20 || request.readUInt16BE(0) !== 0x0001 || request.readUInt32BE(4) !== COOKIE)
    return null;
  const answer = Buffer.alloc(32);
  answer.writeUInt16BE(0x0101, 0);
  answer.writeUInt16BE(12, 2);
  request.copy(answer, 4, 4, 20);
  answer.writeUInt16BE(0x0020, 20);
  answer.writeUInt16BE(8, 22);
  answer.writeUInt8(1, 25);
  answer.writeUInt16BE(port ^ (COOKIE >>> 16), 26);
  const host = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  answer.writeUInt32BE((host ^ COOKIE) >>> 0, 28);
  return answer;
}

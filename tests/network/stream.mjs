/**
 * Datagrams with numbers, for measuring a line. `receive PORT`: prints of each as it arrives its number,
 * the milliseconds it took, and when it is.
 * `send ADDRESS PORT COUNT SIZE EVERY [FIRST]`: COUNT of SIZE bytes, one each EVERY ms, numbered from FIRST on.
 */
import { createSocket } from "node:dgram";

const [role, ...args] = process.argv.slice(2);
const socket = createSocket("udp4");
if (role === "receive") {
  socket.on("message", (data) => {
    const now = Date.now();
    console.log(JSON.stringify([data.readUInt32BE(0), now - data.readDoubleBE(4), now]));
  });
  socket.bind({ port: Number(args[0]), exclusive: true }, () => {
    socket.setRecvBufferSize(4 << 20);
    console.log(JSON.stringify("ready"));
  });
} else {
  const [address, port, count, size, every, first = 0] = [args[0], ...args.slice(1).map(Number)];
  const begun = performance.now();
  let sent = 0;
  const data = Buffer.alloc(size);
  const beat = setInterval(() => {
    // A late timer is made up for: the rate is what counts.
    for (const due = (performance.now() - begun) / every; sent < count && sent <= due; sent += 1) {
      data.writeUInt32BE(first + sent, 0);
      data.writeDoubleBE(Date.now(), 4);
      socket.send(Buffer.from(data), port, address);
    }
    if (sent < count) return;
    clearInterval(beat);
    console.log(JSON.stringify("sent"));
  }, 1);
}

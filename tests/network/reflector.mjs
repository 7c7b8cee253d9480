/**
 * Tells who asks which address and port it is seen from (as STUN does, in JSON), on two ports of two addresses, and
 * writes from any of them to whomever a line on stdin names: `FROM-ADDRESS FROM-PORT TO-ADDRESS TO-PORT`.
 */
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";

const sockets = new Map();
const places = process.argv.slice(2).flatMap((address) => [3478, 3479].map((port) => [address, port]));
let unbound = places.length;
for (const [address, port] of places) {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (_, from) =>
    socket.send(JSON.stringify([from.address, from.port]), from.port, from.address),
  );
  socket.bind(port, address, () => {
    unbound -= 1;
    if (unbound === 0) console.log("ready");
  });
  sockets.set(`${address} ${port}`, socket);
}
for await (const line of createInterface({ input: process.stdin })) {
  const [address, port, to, toPort] = line.split(" ");
  sockets.get(`${address} ${port}`)?.send(JSON.stringify(["unasked", 0]), Number(toPort), to);
}

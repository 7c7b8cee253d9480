/**
 * Asks the reflectors on stdin (`ADDRESS PORT` a line) from one socket, and prints each datagram that arrives:
 * `[from address, from port, what it said]`.
 */
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";

const socket = createSocket(process.argv[2] === "6" ? "udp6" : "udp4");
socket.on("message", (text, from) => {
  console.log(JSON.stringify([from.address, from.port, JSON.parse(text.toString())]));
});
socket.bind(40000);
for await (const line of createInterface({ input: process.stdin })) {
  const [address, port] = line.split(" ");
  socket.send("?", Number(port), address);
}

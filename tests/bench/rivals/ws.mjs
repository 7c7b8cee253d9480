// A relay as tutorials write it, on `ws`: rooms in a Map, JSON in and out, `from` set by the server.
import { randomUUID } from "node:crypto";
import { WebSocketServer } from "ws";

const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("listening", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
server.on("connection", (socket) => {
  const peerId = randomUUID();
  let room;
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type === "join") {
      room = rooms.get(message.roomId) ?? new Map();
      rooms.set(message.roomId, room);
      room.name = message.roomId;
      tell({ type: "peer-joined", peerId });
      socket.send(JSON.stringify({ type: "joined", peerId, peers: [...room.keys()] }));
      room.set(peerId, socket);
      return;
    }
    const { to, ...rest } = message;
    const text = JSON.stringify({ ...rest, from: peerId });
    if (to !== undefined) room?.get(to)?.send(text);
    else for (const [id, other] of room ?? []) if (id !== peerId) other.send(text);
  });
  socket.on("close", () => {
    room?.delete(peerId);
    if (room?.size === 0) rooms.delete(room.name);
    else tell({ type: "peer-left", peerId });
  });
  function tell(message) {
    const text = JSON.stringify(message);
    for (const other of room?.values() ?? []) other.send(text);
  }
});

// A relay as tutorials write it, on socket.io: its own rooms, its own ids.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const server = new Server(http, { transports: ["websocket"] });
server.on("connection", (socket) => {
  let room;
  socket.on("join", (name) => {
    room = name;
    socket.to(room).emit("peer-joined", socket.id);
    socket.join(room);
    socket.emit("joined", socket.id);
  });
  for (const event of ["offer", "answer", "candidate"]) {
    socket.on(event, ({ to, ...message }) =>
      socket.to(to ?? room).emit(event, { ...message, from: socket.id }),
    );
  }
  socket.on("disconnect", () => room && server.to(room).emit("peer-left", socket.id));
});
http.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${http.address().port}`));

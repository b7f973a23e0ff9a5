// socket.io: emits to all clients.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const { Server } = createRequire(`${process.env.PEERS}/`)("socket.io");
const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port })));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    for (let left = Number(line.split(" ")[1]); left > 0; left -= 1) io.emit("happened", process.env.MESSAGE);
  })
  .on("close", () => process.exit(0));

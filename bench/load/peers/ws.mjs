// Node's `ws`: a loop sends the text to each client, as its documentation shows.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const { WebSocketServer, WebSocket } = createRequire(`${process.env.PEERS}/`)("ws");
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("listening", () => console.log(JSON.stringify({ port: server.address().port })));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    for (let left = Number(line.split(" ")[1]); left > 0; left -= 1) {
      for (const client of server.clients) {
        if (client.readyState === WebSocket.OPEN) client.send(process.env.MESSAGE);
      }
    }
  })
  .on("close", () => process.exit(0));

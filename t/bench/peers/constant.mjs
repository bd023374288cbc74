// SPDX-License-Identifier: Apache-2.0
// The least that an OFREP server in Node does: it reads the request and answers a constant.   node constant.mjs PORT
import { createServer } from "node:http";

const ANSWER = JSON.stringify({ key: "bench.feature00", value: true, variant: "on", reason: "TARGETING_MATCH" });

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": ANSWER.length }).end(ANSWER);
  });
});
server.keepAliveTimeout = 0;
server.listen(Number(process.argv[2]), "127.0.0.1");

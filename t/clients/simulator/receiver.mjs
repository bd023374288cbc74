// SPDX-License-Identifier: Apache-2.0
// A webhook endpoint that believes only what the official SDK verifies.
import { createServer } from 'node:http';

export async function receive(stripe, secret) {
  const events = [];
  const refused = [];
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    try {
      const body = Buffer.concat(pieces);
      events.push(stripe.webhooks.constructEvent(body, request.headers['stripe-signature'], secret));
      response.writeHead(200).end('{}');
    } catch (error) {
      refused.push(error.message);
      response.writeHead(400).end(error.message);
    }
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    events,
    refused,
    url: `http://127.0.0.1:${server.address().port}/webhook`,
    types: () => events.map((event) => event.type),
    forget: () => events.splice(0),
    close: () => { server.closeAllConnections(); server.close(); },
  };
}

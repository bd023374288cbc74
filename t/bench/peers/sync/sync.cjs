// SPDX-License-Identifier: Apache-2.0
// @supabase/stripe-sync-engine behind node:http, as its documentation puts it behind a server: sync.cjs PORT URL SECRET.
// CommonJS, since its other build does not find its migrations. Nothing is fetched from Stripe.
"use strict";
const http = require("node:http");
const { StripeSync, runMigrations } = require("@supabase/stripe-sync-engine");

const [port, url, secret] = process.argv.slice(2);

async function main() {
  await runMigrations({ databaseUrl: url, schema: "stripe" });
  const sync = new StripeSync({
    poolConfig: { connectionString: url, max: 16 },
    schema: "stripe",
    stripeSecretKey: "sk_test_bench",
    stripeWebhookSecret: secret,
    backfillRelatedEntities: false,
  });
  http.createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", async () => {
      if (request.method !== "POST") {
        response.writeHead(200, { "Content-Length": 0 }).end();
        return;
      }
      try {
        await sync.processWebhook(Buffer.concat(parts), request.headers["stripe-signature"]);
        response.writeHead(200, { "Content-Type": "application/json" }).end('{"received":true}');
      } catch (error) {
        console.error(error);
        response.writeHead(400).end();
      }
    });
  }).listen(Number(port), "127.0.0.1");
}

main();

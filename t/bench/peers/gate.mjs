// SPDX-License-Identifier: Apache-2.0
// What nginx asks with auth_request: a gate that has every org in memory.   node gate.mjs PORT ORG...
import { createServer } from "node:http";

const [port, ...orgs] = process.argv.slice(2);
const plans = new Map([["founding_monthly", new Set(["trucking.dispatch", "trucking.reports"])]]);
const states = new Map(orgs.map((org) => [org, { status: "active", plan: "founding_monthly" }]));

function allowed(org, feature) {
  const state = states.get(org);
  return state?.status === "active" && plans.get(state.plan).has(feature);
}

const server = createServer((request, response) => {
  response.writeHead(allowed(request.headers["x-org"], request.headers["x-feature"]) ? 204 : 403).end();
});
server.keepAliveTimeout = 0;
server.listen(Number(port), "127.0.0.1");

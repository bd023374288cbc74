// SPDX-License-Identifier: Apache-2.0
// server.mjs BASE AUTHORIZATION: the official server provider; {do: "boolean" | "number", key} -> the evaluation's details.
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';
import { answerLines } from '../json_lines.mjs';

const [baseUrl, authorization] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers: [['Authorization', authorization]] }));
const client = OpenFeature.getClient();

await answerLines(({ do: kind, key }) =>
  kind === 'boolean' ? client.getBooleanDetails(key, false, {}) : client.getNumberDetails(key, -1, {}));
await OpenFeature.close();

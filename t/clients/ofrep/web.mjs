// SPDX-License-Identifier: Apache-2.0
// web.mjs BASE AUTHORIZATION: the official web provider, polling; questions and answers as lines of JSON. "unchanged" waits
// for a 304, "changed" for the provider's news of a flag, "context" sets another context and tells the calls it caused.
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { answerLines } from '../json_lines.mjs';

const [baseUrl, firstAuthorization] = process.argv.slice(2);
const calls = [];
const waiting = new Set();
const changed = new Set();
let authorization = firstAuthorization;

const look = () => waiting.forEach((check) => check());

function until(condition) {
  return new Promise((resolve) => {
    const check = () => {
      if (condition()) {
        waiting.delete(check);
        resolve();
      }
    };
    waiting.add(check);
    check();
  });
}

async function watchedFetch(request, options) {
  const sent = new Request(request, options);
  sent.headers.set('Authorization', authorization);
  const { context = {} } = JSON.parse(await sent.clone().text());
  const reply = await fetch(sent);
  calls.push({ status: reply.status, ifNoneMatch: sent.headers.get('If-None-Match'), context });
  look();
  return reply;
}

const provider = new OFREPWebProvider({ baseUrl, pollInterval: 100, cacheMode: 'disabled', fetchImplementation: watchedFetch });
OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, ({ flagsChanged = [] }) => {
  flagsChanged.forEach((key) => changed.add(key));
  look();
});
await OpenFeature.setContext({ targetingKey: 'me' });
await OpenFeature.setProviderAndWait(provider);
const client = OpenFeature.getClient();

const answers = {
  boolean: ({ key }) => client.getBooleanDetails(key, false),
  number: ({ key }) => client.getNumberDetails(key, -1),
  async unchanged() {
    await until(() => calls.at(-1)?.status === 304);
    return { calls };
  },
  async changed({ key }) {
    await until(() => changed.has(key));
    return { flags: [...changed] };
  },
  async context({ context, authorization: next }) {
    const before = calls.length;
    authorization = next;
    await OpenFeature.setContext({ targetingKey: 'me', ...context });
    return { calls: calls.slice(before) };
  },
};

await answerLines((question) => answers[question.do](question));
await OpenFeature.close();

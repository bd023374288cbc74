// SPDX-License-Identifier: Apache-2.0
// {payload: base64, secret, timestamp?} -> {header}, by the official SDK.
import Stripe from 'stripe';
import { answerLines } from './json_lines.mjs';

const stripe = new Stripe('sk_test_unused');

await answerLines(({ payload, secret, timestamp }) => ({
  header: stripe.webhooks.generateTestHeaderString({
    payload: Buffer.from(payload, 'base64').toString('utf8'),
    secret,
    timestamp: timestamp ?? undefined,
  }),
}));

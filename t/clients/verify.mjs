// SPDX-License-Identifier: Apache-2.0
// {payload: base64, header, secret, tolerance?} -> {error: null, or why the official SDK refused}.
import Stripe from 'stripe';
import { answerLines } from './json_lines.mjs';

const stripe = new Stripe('sk_test_unused');

await answerLines(({ payload, header, secret, tolerance }) => {
  try {
    stripe.webhooks.constructEvent(Buffer.from(payload, 'base64'), header, secret, tolerance ?? undefined);
    return { error: null };
  } catch (error) {
    return { error: `${error.name ?? error.type}: ${error.message}` };
  }
});

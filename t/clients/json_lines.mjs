// SPDX-License-Identifier: Apache-2.0
// One JSON question per line on standard input, one JSON answer per line on standard output, in order.
import { createInterface } from 'node:readline';

export async function answerLines(answer) {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
  }
}

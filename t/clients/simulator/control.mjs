// SPDX-License-Identifier: Apache-2.0
// The simulator's control calls.
export class Control {
  constructor(base) {
    this.base = base;
  }

  async get(path) {
    return this.#ask('GET', path);
  }

  async post(path, body = {}) {
    return this.#ask('POST', path, JSON.stringify(body));
  }

  async #ask(method, path, body) {
    const answer = await fetch(`${this.base}/_sim/${path}`, { method, body });
    const value = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}`);
    return value;
  }
}

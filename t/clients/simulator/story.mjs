// SPDX-License-Identifier: Apache-2.0
// The official SDK lives through everything the simulator has: node story.mjs http://127.0.0.1:PORT
import assert from 'node:assert/strict';
import Stripe from 'stripe';
import { Control } from './control.mjs';
import { receive } from './receiver.mjs';

const base = new URL(process.argv[2]);
const secret = 'whsec_story';
const stripe = new Stripe('sk_test_story0000', { host: base.hostname, port: base.port, protocol: 'http' });
const control = new Control(base.origin);
const receiver = await receive(stripe, secret);
await control.post('webhooks', { url: receiver.url, secret });

async function refused(promise, expected) {
  const error = await promise.then(() => assert.fail('was not refused'), (reason) => reason);
  for (const [name, value] of Object.entries(expected)) assert.equal(error[name], value, error.message);
  return error;
}

// What has happened so far is told and forgotten.
async function silence() {
  await control.post('settle');
  receiver.forget();
}

async function catalogue() {
  const product = await stripe.products.create({ name: 'Founding member' });
  const price = await stripe.prices.create({
    product: product.id, currency: 'usd', unit_amount: 2900, recurring: { interval: 'month' } });
  assert.equal(price.unit_amount_decimal.toString(), '2900');
  const bigger = await stripe.prices.create({
    product: product.id, currency: 'usd', unit_amount: 5900, recurring: { interval: 'month' } });
  const once = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 1500 });
  const found = await stripe.prices.list({ product: product.id, type: 'recurring' });
  assert.deepEqual(found.data.map((entry) => entry.id), [bigger.id, price.id]);
  return { price, bigger, once };
}

async function customers() {
  const made = await stripe.customers.create(
    { email: 'a+b@example.com', name: "Ünïq & Co (x)!*'", metadata: { attune_org: 'org-1' } },
    { idempotencyKey: 'customer-1' });
  const again = await stripe.customers.create(
    { email: 'a+b@example.com', name: "Ünïq & Co (x)!*'", metadata: { attune_org: 'org-1' } },
    { idempotencyKey: 'customer-1' });
  assert.equal(again.id, made.id);
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
  await refused(stripe.customers.create({ email: 'other@example.com' }, { idempotencyKey: 'customer-1' }),
    { type: 'StripeIdempotencyError', statusCode: 400 });
  await refused(stripe.customers.retrieve('cus_nobody'), { statusCode: 404, code: 'resource_missing', param: 'id' });
  const updated = await stripe.customers.update(made.id, { metadata: { attune_org: '', extra: '1' } });
  assert.deepEqual(updated.metadata, { extra: '1' });
  const found = await stripe.customers.search({ query: "metadata['extra']:'1'" });
  assert.deepEqual(found.data.map((entry) => entry.id), [made.id]);
  const gone = await stripe.customers.create({ email: 'gone@example.com' });
  await stripe.customers.del(gone.id);
  assert.equal((await stripe.customers.retrieve(gone.id)).deleted, true);
  assert.equal((await stripe.customers.list({ email: 'gone@example.com' })).data.length, 0);
  return made;
}

async function checkout({ price }, customer) {
  const parameters = {
    mode: 'subscription', customer: customer.id, client_reference_id: 'org-1',
    line_items: [{ price: price.id, quantity: 1 }], metadata: { attune_org: 'org-1' },
    subscription_data: { metadata: { attune_org: 'org-1' } },
    success_url: 'https://app.example.com/ok?sid={CHECKOUT_SESSION_ID}', cancel_url: 'https://app.example.com/no' };
  await refused(stripe.checkout.sessions.create({ ...parameters, payment_method_types: ['card'] }),
    { code: 'parameter_unknown', param: 'payment_method_types' });
  const session = await stripe.checkout.sessions.create(parameters);
  assert.equal(session.status, 'open');
  assert.equal((await fetch(session.url)).status, 200);
  await silence();
  const declined = await control.post(`checkout/${session.id}/decline`);
  assert.equal(declined.status, 'open');
  assert.deepEqual(receiver.types(), []);
  await control.post(`checkout/${session.id}/pay`);
  const paid = await stripe.checkout.sessions.retrieve(
    session.id, { expand: ['line_items', 'subscription.latest_invoice.payments', 'customer'] });
  assert.equal(paid.payment_status, 'paid');
  assert.equal(paid.line_items.data[0].amount_total, 2900);
  assert.equal(paid.subscription.status, 'active');
  assert.deepEqual(paid.subscription.metadata, { attune_org: 'org-1' });
  assert.equal(paid.subscription.latest_invoice.payments.data[0].status, 'paid');
  assert.equal(receiver.types().at(-1), 'checkout.session.completed');
  assert.ok(receiver.types().includes('customer.subscription.created'));
  return paid.subscription;
}

async function renewals(subscription) {
  const before = subscription.items.data[0].current_period_end;
  await control.post('clock', { advance: '32d' });
  const renewed = await stripe.subscriptions.retrieve(subscription.id);
  assert.ok(renewed.items.data[0].current_period_end > before);
  await silence();
  await control.post(`subscriptions/${subscription.id}/fail-next-payment`, { times: 2 });
  await control.post('clock', { advance: '31d' });
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'past_due');
  const turned = receiver.events.find((event) => event.data.previous_attributes?.status === 'active');
  assert.equal(turned.data.object.status, 'past_due');
  await control.post('clock', { advance: '9d' });
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'active');
  assert.equal(receiver.types().filter((type) => type === 'invoice.payment_failed').length, 2);
}

async function changes(subscription, { bigger }) {
  const item = subscription.items.data[0];
  const changed = await stripe.subscriptions.update(subscription.id, { items: [{ id: item.id, price: bigger.id }] });
  assert.equal(changed.items.data[0].price.id, bigger.id);
  const planned = await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  assert.equal(planned.cancel_at, planned.items.data[0].current_period_end);
  const kept = await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
  assert.equal(kept.cancel_at, null);
  const paused = await stripe.subscriptions.pause(subscription.id);
  assert.equal(paused.status_details.paused.subscription.type, 'pause_requested');
  assert.equal((await stripe.subscriptions.resume(subscription.id)).status, 'active');
  const portal = await stripe.billingPortal.sessions.create({
    customer: subscription.customer.id ?? subscription.customer, return_url: 'https://app.example.com/billing',
    flow_data: { type: 'payment_method_update' } });
  assert.equal((await fetch(portal.url)).status, 200);
  assert.equal((await stripe.subscriptions.cancel(subscription.id)).status, 'canceled');
  await refused(stripe.subscriptions.cancel(subscription.id), { statusCode: 404 });
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'canceled');
  const all = await stripe.subscriptions.list({ customer: changed.customer, status: 'all' });
  assert.deepEqual(all.data.map((entry) => entry.id), [subscription.id]);
}

async function trials({ price }, customer) {
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id, items: [{ price: price.id }], trial_period_days: 7, default_payment_method: method.id });
  assert.equal(subscription.status, 'trialing');
  await silence();
  await control.post('clock', { advance: '5d' });
  assert.deepEqual(receiver.types(), ['customer.subscription.trial_will_end']);
  await control.post('clock', { advance: '3d' });
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'active');
  await stripe.subscriptions.cancel(subscription.id);
}

async function incomplete({ price }) {
  const customer = await stripe.customers.create({ email: 'poor@example.com' });
  const method = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id });
  const subscription = await stripe.subscriptions.create(
    { customer: customer.id, items: [{ price: price.id }], default_payment_method: method.id });
  assert.equal(subscription.status, 'incomplete');
  await control.post('clock', { advance: '23h' });
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'incomplete_expired');
}

async function invoicing({ once }, customer) {
  const draft = await stripe.invoices.create({
    customer: customer.id, collection_method: 'send_invoice', days_until_due: 30, auto_advance: false,
    currency: 'usd', metadata: { ref: 'INV-1' }, pending_invoice_items_behavior: 'exclude' });
  const work = await stripe.invoiceItems.create(
    { customer: customer.id, invoice: draft.id, amount: 1500, currency: 'usd', description: 'Work' });
  await stripe.invoiceItems.create(
    { customer: customer.id, invoice: draft.id, pricing: { price: once.id }, quantity: 2 });
  await stripe.invoiceItems.update(work.id, { amount: 1000 });
  assert.equal((await stripe.invoices.retrieve(draft.id)).amount_due, 4000);
  const open = await stripe.invoices.finalizeInvoice(draft.id);
  assert.equal(open.status, 'open');
  assert.equal((await fetch(open.hosted_invoice_url)).status, 200);
  await refused(stripe.invoiceItems.del(work.id), { code: 'invoice_not_editable' });
  await silence();
  await stripe.invoices.sendInvoice(draft.id);
  assert.equal((await stripe.invoices.pay(draft.id, { paid_out_of_band: true })).status, 'paid');
  await control.post('settle');
  assert.deepEqual(receiver.types(), ['invoice.sent', 'invoice.paid']);
  for (const end of ['voidInvoice', 'markUncollectible']) {
    const other = await stripe.invoices.create({ customer: customer.id, currency: 'usd', auto_advance: false });
    await stripe.invoiceItems.create({ customer: customer.id, invoice: other.id, amount: 700, currency: 'usd' });
    await stripe.invoices.finalizeInvoice(other.id, { auto_advance: false });
    await stripe.invoices[end](other.id);
  }
  const link = await stripe.paymentLinks.create({
    line_items: [{ price: once.id, quantity: 1 }], metadata: { ref: '1' },
    restrictions: { completed_sessions: { limit: 1 } },
    after_completion: { type: 'redirect', redirect: { url: 'https://app.example.com/thanks' } } });
  const session = await control.post(`payment_links/${link.id}/pay`, { client_reference_id: 'anyone-1' });
  assert.equal(session.payment_link, link.id);
  assert.deepEqual(session.metadata, { ref: '1' });
  assert.equal((await stripe.paymentLinks.retrieve(link.id, { expand: ['line_items'] })).active, false);
}

async function delayed({ price }) {
  const parameters = {
    mode: 'subscription', line_items: [{ price: price.id, quantity: 1 }], success_url: 'https://app.example.com/ok' };
  for (const outcome of ['succeeded', 'failed']) {
    const session = await stripe.checkout.sessions.create(parameters);
    const unpaid = await control.post(`checkout/${session.id}/pay`, { async: true, email: 'bank@example.com' });
    assert.equal(unpaid.payment_status, 'unpaid');
    await silence();
    await control.post(`checkout/${session.id}/async`, { outcome });
    assert.ok(receiver.types().includes(`checkout.session.async_payment_${outcome}`));
  }
  const left = await stripe.checkout.sessions.create(parameters);
  assert.equal((await stripe.checkout.sessions.expire(left.id)).status, 'expired');
  assert.equal((await stripe.checkout.sessions.list({ status: 'expired' })).data[0].id, left.id);
}

async function eventPages() {
  const all = [];
  for await (const event of stripe.events.list({ limit: 7 })) all.push(event.id);
  const oldest = all.at(-1);
  const forward = [];
  for await (const event of stripe.events.list({ limit: 7, ending_before: oldest })) forward.push(event.id);
  assert.deepEqual(forward, all.slice(0, -1).reverse());
  assert.equal((await stripe.events.retrieve(oldest)).id, oldest);
  const some = await stripe.events.list({ types: ['invoice.paid', 'invoice.sent'], delivery_success: true });
  assert.ok(some.data.length > 0);
  assert.ok(some.data.every((event) => ['invoice.paid', 'invoice.sent'].includes(event.type)));
}

const prices = await catalogue();
const customer = await customers();
const subscription = await checkout(prices, customer);
await renewals(subscription);
await changes(subscription, prices);
await trials(prices, customer);
await incomplete(prices);
await invoicing(prices, customer);
await delayed(prices);
await eventPages();
assert.deepEqual(receiver.refused, []);
assert.deepEqual((await control.get('state')).bugs, []);
receiver.close();

/** Finance's inbox: every kind of thing that waits, in the order that matters, and that settling each empties the list. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { acknowledgeAlert, releaseAlert } from '../../services/alerts/act-on-alert.ts';
import { notifyOperators } from '../../services/alerts/notify-operators.ts';
import { readPrecision } from '../../services/alerts/precision.ts';
import { acceptDrift } from '../../services/drift/accept-drift.ts';
import { judgeDrift } from '../../services/drift/judge-drift.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { decideRaise, requestRaise } from '../../services/envelopes/raise-requests.ts';
import { setEnvelope } from '../../services/envelopes/set-envelope.ts';
import { type InboxItem, listInbox } from '../../services/inbox/list-inbox.ts';
import { dropMessage } from '../../services/inbox/drop-message.ts';
import { retryAlert } from '../../services/alerts/retry-alert.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import { addDays, parsePeriod } from '../../services/kernel/period.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { inboxTable } from '../../services/reports/inbox-tables.ts';
import { csvOf } from '../../services/sheets/report-table.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addEnvelope, addLoad, addPod, setCost } from '../support/envelope-builders.ts';

const ADA: Principal = { id: 'ada@example.com', role: 'pod', pods: ['checkout'] };
const GRACE: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };
const AT = new Date('2026-09-20T06:00:00Z');

async function reset({ db }: TestDatabase): Promise<void> {
  await sql`truncate alert, message, envelope_state, envelope_version_rate, envelope_version, envelope, pod_day, pod_month, pod_cost, shared_cost,
    pod, portfolio, load, source_lateness, raise_request restart identity cascade`.execute(db);
  await sql`delete from source where id <> 'files'`.execute(db);
  await sql`update organisation set rulebook_id = 0, finance_channel = 'C0FINANCE'`.execute(db);
  await sql`insert into portfolio (id, name, finance_partner_email) values ('commerce', 'Commerce', ${GRACE.id})`.execute(
    db,
  );
  for (const id of ['checkout', 'search', 'mail', 'ads', 'maps']) await addPod(db, { id });
  await sql`update pod set portfolio_id = 'commerce', finance_partner_email = ${GRACE.id}`.execute(db);
  await sql`insert into pod_period (pod_id, valid_from, valid_until, portfolio_id) select id, '-infinity', 'infinity', 'commerce' from pod`.execute(
    db,
  );
  await addLoad(db, { billingPeriod: '2026-09', throughDay: '2026-09-19', publishedAt: AT.toISOString() });
}

const evaluate = ({ db }: TestDatabase, cause: 'load' | 'rulebook', at = AT) =>
  db.transaction().execute((trx) => evaluateEnvelopes(trx, { at, cause }));

const kinds = (items: readonly InboxItem[]) => items.map(({ kind, scope }) => `${kind} ${scope?.id ?? '-'}`);

describe('the inbox', () => {
  test('is empty where nothing waits', async ({ database }) => {
    await reset(database);
    expect(await listInbox(database.db, { at: AT })).toEqual([]);
  });

  test('lists what waits by what matters, each with money, a sentence and what settles it', async ({ database }) => {
    await reset(database);
    const { db } = database;
    // mail will be held by rules, search fails and ads is in doubt, maps drifts and has a rate missing, checkout asks for a raise.
    for (const pod of ['checkout', 'search', 'mail', 'ads']) {
      await addEnvelope(db, {
        scope: { kind: 'pod', id: pod },
        period: '2026-09',
        limit: '1000',
        approvedOn: '2026-09-01',
      });
    }
    await setCost(db, { date: '2026-09-01', pod: 'mail', amount: '100' });
    for (const pod of ['search', 'ads']) await setCost(db, { date: '2026-09-01', pod, amount: '900' });
    await evaluate(database, 'load');
    await setCost(db, { date: '2026-09-01', pod: 'mail', amount: '1200' });
    await evaluate(database, 'rulebook');
    await sql`update message set state = 'failed', error = 'channel_not_found', channel = 'C0SEARCH' where scope_id = 'search'`.execute(
      db,
    );
    await sql`update message set state = 'unknown', error = 'time-out', channel = 'C0ADS' where scope_id = 'ads'`.execute(
      db,
    );
    const envelope = await sql<{ id: string }>`select id from envelope where scope_id = 'checkout'`.execute(db);
    await requestRaise(db, {
      envelopeId: envelope.rows[0]?.id ?? '',
      limit: decimal('1500'),
      reason: 'a sale',
      principal: ADA,
      via: 'api',
      at: AT,
    });
    await addEnvelope(db, {
      scope: { kind: 'portfolio', id: 'commerce' },
      period: '2026-09',
      limit: '3000',
      approvedOn: '2026-09-01',
    });
    await addEnvelope(db, {
      scope: { kind: 'pod', id: 'maps' },
      period: '2026-Q3',
      limit: '9000',
      approvedOn: '2026-08-01',
      approvedBy: GRACE.id,
    });
    for (let day = '2026-06-06'; day < '2026-09-20'; day = addDays(day, 1)) {
      await setCost(db, { date: day, pod: 'maps', amount: day < '2026-08-01' ? '10' : '12' });
    }
    await sql`insert into source (id, kind, expect_every) values ('aws', 'aws-data-export', '1 day')`.execute(db);
    await addLoad(db, {
      sourceId: 'aws',
      billingPeriod: '2026-09',
      throughDay: '2026-09-15',
      publishedAt: AT.toISOString(),
    });
    await setCost(db, { date: '2026-09-02', pod: null, amount: '33' });
    await setCost(db, { date: '2026-09-02', pod: 'checkout', amount: '7', currency: 'CHF' });
    await evaluate(database, 'load');
    await db.transaction().execute(async (trx) => {
      await notifyOperators(trx, { at: AT });
      await judgeDrift(trx, AT);
    });

    const items = await listInbox(db, { at: AT });
    expect(kinds(items)).toEqual([
      'failed-delivery search',
      'unknown-delivery ads',
      'held-alert mail',
      'raise-request checkout',
      'missing-rate checkout',
      'late-source -',
      'beyond-headroom commerce',
      'drift maps',
      'spend-outside -',
    ]);
    const [failed, , held, raise, , late, beyond, drift, outside] = items;
    expect(failed).toMatchObject({ amount: '900', sentence: expect.stringContaining('channel_not_found') });
    expect(held).toMatchObject({
      amount: '1200',
      settle: [expect.stringMatching(/^outturn alerts release /), expect.any(String)],
    });
    expect(raise).toMatchObject({ amount: '500', amountOf: 'raise', sentence: expect.stringContaining('a sale') });
    expect(late?.sentence).toContain('ends with 2026-09-15');
    expect(beyond).toMatchObject({ amount: '1000', currency: 'USD' });
    expect(drift).toMatchObject({
      amount: '60.83',
      amountOf: 'per month',
      calls: expect.arrayContaining(['GET /api/v1/pods/maps/drift']),
    });
    expect(outside).toMatchObject({ scope: { kind: 'unattributed' }, amount: '33' });
    expect(csvOf(inboxTable(items)).split('\r\n')).toHaveLength(items.length + 2);
    expect(kinds(await listInbox(db, { at: AT, role: 'operator' }))).toEqual([
      'failed-delivery search',
      'unknown-delivery ads',
      'late-source -',
    ]);

    await db.transaction().execute(async (trx) => {
      const given = { principal: GRACE, via: 'cli', at: AT } as const;
      await retryAlert(trx, { alertId: items[0]?.id ?? '', ...given });
      await dropMessage(trx, { messageId: items[1]?.id ?? '', ...given });
      await acceptDrift(trx, { podId: 'maps', reason: 'as wanted', ...given });
    });
    expect(await releaseAlert(db, { alertId: held?.id ?? '', principal: GRACE, via: 'cli', at: AT })).toEqual({
      kind: 'done',
    });
    await decideRaise(db, { requestId: raise?.id ?? '', decision: 'refuse', principal: GRACE, via: 'cli', at: AT });
    expect(kinds(await listInbox(db, { at: AT }))).toEqual([
      'missing-rate checkout',
      'late-source -',
      'beyond-headroom commerce',
      'spend-outside -',
    ]);
    const audited = await sql`select action from audit_event where subject_kind = 'message' order by 1`.execute(db);
    expect(audited.rows).toEqual([{ action: 'drop-message' }]);
  });
});

test('a raise that was needed until a day stands in the inbox after it, until finance lowers the limit or keeps it', async ({
  database,
}) => {
  await reset(database);
  const { db } = database;
  const scope = { kind: 'pod', id: 'checkout' } as const;
  const envelopeId = await addEnvelope(db, { scope, period: '2026-09', limit: '1000', approvedOn: '2026-09-01' });
  await setCost(db, { date: '2026-09-01', pod: 'checkout', amount: '700' });
  await evaluate(database, 'load');
  const asked = {
    envelopeId,
    limit: decimal('1500'),
    reason: 'a sale',
    until: '2026-09-25',
    principal: ADA,
    via: 'api',
    at: AT,
  } as const;
  const { requestId } = await requestRaise(db, asked);
  await decideRaise(db, { requestId, decision: 'grant', principal: GRACE, via: 'cli', at: AT });
  const waiting = (at: string) => listInbox(db, { at: new Date(at) });
  expect(await waiting('2026-09-25T23:00:00Z')).toEqual([]);
  expect(await waiting('2026-09-26T01:00:00Z')).toMatchObject([
    {
      kind: 'raise-past',
      id: requestId,
      since: '2026-09-25',
      amount: '500',
      settle: [
        'outturn envelopes set --pod checkout --period 2026-09 --limit 1000 --currency USD',
        'outturn envelopes set --pod checkout --period 2026-09 --limit 1500 --currency USD --approval "…"',
      ],
    },
  ]);
  const at = new Date('2026-09-26T02:00:00Z');
  const kept = { scope, period: '2026-09', limit: decimal('1500'), currency: 'USD', approval: 'FIN-7' };
  await setEnvelope(db, { ...kept, principal: GRACE, via: 'cli', at });
  expect(await waiting('2026-09-26T03:00:00Z')).toEqual([]);
});

describe('precision', () => {
  test('counts what was sent, acted on, taken back and escalated, and the pods that heard nothing, as exact ratios', async ({
    database,
  }) => {
    await reset(database);
    const { db } = database;
    for (const pod of ['checkout', 'search', 'mail']) {
      await addEnvelope(db, { scope: { kind: 'pod', id: pod }, period: '2026-09', limit: '1000' });
      await setCost(db, { date: '2026-09-01', pod, amount: '900' });
      await sql`insert into pod_month values ('2026-09-01', ${pod}, 'direct', 'USD', 900, 900, 900, 900), ('2026-08-01', ${pod}, 'direct', 'USD', 1, 1, 1, 1)`.execute(
        db,
      );
    }
    await evaluate(database, 'load');
    await sql`update message set state = 'sent', slack_ts = id::text, channel = scope_id, sent_at = ${AT.toISOString()}, delivered_revision = revision`.execute(
      db,
    );
    const alerts = await sql<{ id: string; scope_id: string }>`
      select alert.id, scope_id from alert join envelope on envelope.id = envelope_id`.execute(db);
    await acknowledgeAlert(db, {
      alertId: alerts.rows.find((row) => row.scope_id === 'checkout')?.id ?? '',
      principal: ADA,
      via: 'slack',
      at: AT,
    });
    await setCost(db, { date: '2026-09-01', pod: 'mail', amount: '100' });
    for (const day of ['2026-09-21', '2026-09-22']) {
      const at = new Date(`${addDays(day, 1)}T06:00:00Z`);
      await addLoad(db, { billingPeriod: '2026-09', throughDay: day, publishedAt: at.toISOString() });
      await evaluate(database, 'load', at);
    }
    expect(await readPrecision(db, parsePeriod('2026-Q3'))).toMatchObject({
      crossings: 3,
      sent: 3,
      messagesPerCrossing: '1.0000',
      actedOn: 1,
      precision: '0.3333',
      clearedByRestatement: 1,
      escalated: 0,
      podMonths: 6,
      quietPodMonths: 3,
      quietRate: '0.5000',
    });
    expect(await readPrecision(db, parsePeriod('2026-Q2'))).toMatchObject({
      sent: 0,
      precision: null,
      quietRate: null,
    });
  });
});

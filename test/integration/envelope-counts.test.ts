/** What an envelope counts, by scope, period and basis, and spend that no envelope counts. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import type { EnvelopeScope } from '../../services/organisation/organisation.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addEnvelope } from '../support/envelope-builders.ts';
import { AT, CHECKOUT, COMMERCE, ORGANISATION, reset, UNATTRIBUTED } from '../support/approvers.ts';

describe('what an envelope counts', () => {
  /** Every day of the year: checkout 3 direct, 2 shared to it, 1 it owns; search 5; nobody's 7. Billed cost is twice that. */
  async function yearOfCost({ db }: TestDatabase): Promise<void> {
    await sql`
      insert into pod_day (charge_date, pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost)
      select day::date, pod_id, kind, 'USD', cost * 2, cost, cost, cost
      from generate_series('2026-01-01'::date, '2026-12-31', interval '1 day') as day,
        (values ('checkout', 'direct', 3), ('checkout', 'shared', 2), ('checkout', 'owned', 1), ('search', 'direct', 5),
          (null, 'direct', 7)) as daily (pod_id, kind, cost)
    `.execute(db);
    await sql`insert into rulebook (id, digest, content, created_by) values (1, 'test', ${JSON.stringify({
      rules: [],
      pods: ['checkout', 'search'].map((id) => ({ id, portfolios: [{ value: 'commerce' }] })),
      portfolios: ['commerce'],
    })}::jsonb, 'test') on conflict (id) do nothing`.execute(db);
    await sql`update organisation set rulebook_id = 1`.execute(db);
  }

  test('every scope, period and basis, in the cost that it was approved in', async ({ database }) => {
    await reset(database);
    await sql`truncate envelope cascade`.execute(database.db);
    await yearOfCost(database);
    const days = { '2026-02': 28, '2026-Q3': 92, '2026': 365, '2026-09-01..2026-09-15': 14 };
    const daily: readonly [EnvelopeScope, 'controlled' | 'loaded', number][] = [
      [CHECKOUT, 'controlled', 4],
      [CHECKOUT, 'loaded', 5],
      [COMMERCE, 'controlled', 9],
      [COMMERCE, 'loaded', 10],
      [ORGANISATION, 'controlled', 17],
      [UNATTRIBUTED, 'loaded', 7],
    ];
    const expected = new Map<string, string>();
    for (const [scope, counts, perDay] of daily) {
      for (const [period, count] of Object.entries(days)) {
        const envelopeId = await addEnvelope(database.db, { scope, period, counts, limit: '1000000' });
        const isBilled = period === '2026-Q3';
        if (isBilled)
          await sql`update envelope_version set cost_metric = 'BilledCost' where envelope_id = ${envelopeId}`.execute(
            database.db,
          );
        expected.set(envelopeId, String(perDay * count * (isBilled ? 2 : 1)));
      }
    }
    await database.db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: AT, cause: 'envelope' }));
    const listed = await listEnvelopes(database.db, { at: AT });
    const found = listed.flatMap(({ envelopeId, actual }) =>
      envelopeId === null ? [] : [[envelopeId, actual] as const],
    );
    expect(new Map(found)).toEqual(expected);
  });

  test('spend outside any is listed with its money: pods, and what belongs to nobody', async ({ database }) => {
    await reset(database);
    await yearOfCost(database);
    const at = new Date('2026-09-30T12:00:00Z');
    const outside = async () =>
      (await listEnvelopes(database.db, { at }))
        .filter(({ envelopeId }) => envelopeId === null)
        .map(({ scope, spent }) =>
          [scope.id ?? scope.kind, ...spent.map(({ cost, billingCurrency }) => `${cost} ${billingCurrency}`)].join(' '),
        );
    expect(await outside()).toEqual(['search 150 USD', 'unattributed 210 USD']);
    await addEnvelope(database.db, { scope: UNATTRIBUTED, period: '2026', limit: '9' });
    expect(await outside()).toEqual(['search 150 USD']);
  });
});

/** Limits that an approver sets, and patterns that a pipeline activates, with what is written beside them: version, alert, message, audit. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { activatePattern, listActivations } from '../../services/envelopes/activate-pattern.ts';
import { readEnvelopeHistory } from '../../services/envelopes/list-versions.ts';
import { setEnvelope } from '../../services/envelopes/set-envelope.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addEnvelope } from '../support/envelope-builders.ts';
import {
  ADA,
  ask,
  AT,
  audited,
  by,
  CHECKOUT,
  COMMERCE,
  GRACE,
  OSCAR,
  person,
  reset,
  RUTH,
  spend,
  versions,
} from '../support/approvers.ts';

describe('a limit set by an approver', () => {
  const setting = { scope: CHECKOUT, currency: 'USD' } as const;

  test('is a new envelope, then another version, then nothing new; what is left out stays', async ({ database }) => {
    await reset(database);
    const set = (given: object) =>
      setEnvelope(database.db, { ...setting, period: '2026-Q4', limit: decimal('100'), ...given, ...by(GRACE) });
    expect(await set({ rungs: ['0.5', '1'].map(decimal), costMetric: 'BilledCost', approval: 'FIN-1' })).toMatchObject({
      change: 'created',
    });
    const changed = await set({ limit: decimal('80'), approval: 'FIN-2' });
    expect(changed).toMatchObject({ change: 'changed', version: 2 });
    expect(await set({ limit: decimal('80.00'), approval: 'FIN-2' })).toMatchObject({
      change: 'unchanged',
      version: 2,
    });
    const { versions: history } = await readEnvelopeHistory(database.db, changed.envelopeId, AT);
    expect(history).toMatchObject([
      {
        limit: '100',
        approval: 'FIN-1',
        rungs: ['0.5', '1'],
        costMetric: 'BilledCost',
        method: 'granted',
        approvedBy: GRACE.id,
      },
      {
        limit: '80',
        approval: 'FIN-2',
        rungs: ['0.5', '1'],
        costMetric: 'BilledCost',
        method: 'granted',
        approvedBy: GRACE.id,
      },
    ]);
  });

  test('that makes no sense, or is not theirs to set, is refused', async ({ database }) => {
    await reset(database);
    const refused = [
      ['by somebody who is no approver', { principal: OSCAR }, 'are approved by grace@example.com or ruth@example.com'],
      ['by a pod', { principal: ADA }, 'has the role pod'],
      ['at zero', { limit: decimal('0') }, 'above zero'],
      ['in no currency', { currency: 'XYZ' }, 'not an ISO 4217 currency'],
      ['with rungs that fall', { rungs: ['1', '0.8'].map(decimal) }, 'ascending'],
      ['without the rung at the limit', { rungs: ['0.8'].map(decimal) }, 'with 1 among them'],
      ['of a pod that is none', { scope: { kind: 'pod', id: 'none' } }, 'There is no pod "none"'],
      ['for no period', { period: '2026-13' }, 'is not a period'],
    ] as const;
    for (const [, given, message] of refused) {
      const asked = { ...setting, period: '2026-09', limit: decimal('12000'), ...by(GRACE), ...given };
      await expect(setEnvelope(database.db, asked)).rejects.toThrow(message);
    }
    expect(await versions(database)).toHaveLength(1);
  });

  test('is no way around the second person for who asked for a raise', async ({ database }) => {
    const envelopeId = await reset(database);
    await ask(database, envelopeId, '14000', GRACE);
    await expect(
      setEnvelope(database.db, { ...setting, period: '2026-09', limit: decimal('14000'), ...by(GRACE) }),
    ).rejects.toThrow('another approver decides about it first');
    await setEnvelope(database.db, { ...setting, period: '2026-09', limit: decimal('12000'), ...by(RUTH) });
    expect(await versions(database)).toHaveLength(2);
  });

  test('that is below what is spent speaks once, as a limit that was lowered', async ({ database }) => {
    await reset(database);
    await spend(database, '5000');
    await setEnvelope(database.db, { ...setting, period: '2026-09', limit: decimal('4000'), ...by(GRACE) });
    const { rows } = await sql`select rung, reason from alert`.execute(database.db);
    expect(rows).toEqual([{ rung: '1', reason: 'limit lowered' }]);
  });
});

describe('an activation', () => {
  async function withPattern(database: TestDatabase): Promise<void> {
    await reset(database);
    await sql`insert into pattern (id, name, approved_by, envelope_every, envelope_limit, envelope_currency)
      values ('analytics', 'Analytics', '{security,architecture,grace@example.com}', 'month', 12000, 'USD')`.execute(
      database.db,
    );
    await addEnvelope(database.db, { scope: COMMERCE, period: '2026-10', limit: '20000' });
  }
  const activate = (database: TestDatabase, given: object = {}) =>
    activatePattern(database.db, {
      podId: 'search',
      patternId: 'analytics',
      on: '2026-09-01',
      ...by(person('pipeline', 'ingest')),
      ...given,
    });

  test('gives the pod its envelopes at once on the portfolio’s headroom; again it changes nothing', async ({
    database,
  }) => {
    await withPattern(database);
    const outcome = await activate(database);
    expect(outcome).toMatchObject({
      change: 'created',
      activatedOn: '2026-09-01',
      envelopes: [
        { period: '2026-09', limit: '12000', currency: 'USD' },
        { period: '2026-10', limit: '12000', currency: 'USD' },
      ],
      headroom: [{ period: '2026-10', limit: '20000', approved: '12000', headroom: '8000', podEnvelopes: 1 }],
      exceedsHeadroom: false,
      approvalsAvoided: 3,
    });
    expect(await activate(database)).toEqual({ ...outcome, change: 'unchanged' });
    expect(await audited(database)).toEqual(['set-pattern-envelopes pipeline', 'activate-pattern pipeline']);
    expect(await listActivations(database.db)).toEqual([
      { podId: 'search', patternId: 'analytics', activatedOn: '2026-09-01', method: 'granted', approvalsAvoided: 3 },
    ]);
  });

  test('beyond the headroom is made all the same, and says so', async ({ database }) => {
    await withPattern(database);
    await activate(database);
    const second = await activate(database, { podId: 'checkout' });
    expect(second).toMatchObject({ exceedsHeadroom: true, headroom: [{ headroom: '-4000', podEnvelopes: 2 }] });
    expect(second.envelopes.map(({ period }) => period)).toEqual(['2026-10']);
  });

  test('of which two come at once is one', async ({ database }) => {
    await withPattern(database);
    const outcomes = await Promise.all([activate(database), activate(database), activate(database)]);
    expect(outcomes.map(({ change }) => change).sort()).toEqual(['created', 'unchanged', 'unchanged']);
    const { rows } = await sql`select 1 from envelope_version where origin = 'pattern'`.execute(database.db);
    expect(rows).toHaveLength(2);
  });

  test('of what there is not is refused', async ({ database }) => {
    await withPattern(database);
    const refused = [
      ['an unknown pod', { podId: 'none' }, 'There is no pod "none"'],
      ['an unknown pattern', { patternId: 'none' }, 'There is no pattern "none"'],
      ['no date', { on: '2026-02-30' }, 'is not a date'],
      ['a year that was meant to be another', { on: '2016-09-10' }, 'more than a year from today'],
    ] as const;
    for (const [, given, message] of refused) await expect(activate(database, given)).rejects.toThrow(message);
  });
});

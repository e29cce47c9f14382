/**
 * Reports of bills on closed months: reconciliation, coverage and bridge answer as their statements have it, whatever comes afterwards, with
 * what is now known beside; and they lead to the figures of the other reports of the same days.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { add, type Decimal, sum } from '../../services/kernel/decimal.ts';
import { bridge } from '../../services/reports/bridge.ts';
import { costs } from '../../services/reports/costs.ts';
import { coverage } from '../../services/reports/coverage.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { insertOrigin, pod, rulebook } from '../support/billed-charges.ts';
import { AFTERWARDS, close, publishBill, putInForce } from '../support/closing.ts';
import { createTestDatabase, test as base } from '../support/database.ts';
import { insertPods } from '../support/outcome-sheets.ts';

const RULES = rulebook(
  [
    { id: 'network', when: { serviceName: 'Network' }, split: { method: 'even', among: ['checkout', 'search'] } },
    { id: 'checkout', when: { resourceId: 'vm-1' }, pod: 'checkout' },
    { id: 'sandbox', when: { resourceId: 'vm-3' }, unattributed: 'sandboxes belong to nobody' },
  ],
  [pod('checkout'), pod('search')],
);

/** August and September of one source, and a bill from the 15th to the 14th of another, in another currency. */
const test = base
  .extend('db', async ({}, { onCleanup }) => {
    const { db, drop } = await createTestDatabase();
    onCleanup(drop);
    await insertPods(db, { id: 'checkout' }, { id: 'search' });
    await sql`insert into source (id, kind) values ('azure', 'focus-files')`.execute(db);
    await sql`insert into fx_rate (rate_date, base_currency, quote_currency, rate, file_name) values ('2026-08-01', 'EUR', 'USD', 1.25, 'ecb')`.execute(
      db,
    );
    await sql`update organisation set fx_carry_days = 90`.execute(db);
    return db;
  })
  .extend('company', async ({ db }) => {
    await putInForce(db, RULES);
    const at = (resource: string, service = 'Compute') =>
      insertOrigin(db, {
        provider_name: 'AWS',
        billing_account_id: 'acme',
        sub_account_id: 'one',
        service_name: service,
        resource_id: resource,
      });
    const [owned, stray, sandbox, network] = [
      await at('vm-1'),
      await at('vm-2'),
      await at('vm-3'),
      await at('gw', 'Network'),
    ];
    const monthly = (month: string, extra: readonly { originId: string; date: string; billed: string }[] = []) => ({
      start: `2026-${month}-01`,
      end: month === '08' ? '2026-09-01' : '2026-10-01',
      charges: [
        { originId: owned, date: `2026-${month}-02`, billed: '10' },
        { originId: stray, date: `2026-${month}-03`, billed: '4' },
        { originId: sandbox, date: `2026-${month}-04`, billed: '3' },
        { originId: network, date: `2026-${month}-05`, billed: '2.000000000001' },
        ...extra,
      ],
    });
    const straddling = (billed: string) => ({
      sourceId: 'azure',
      start: '2026-08-15',
      end: '2026-09-15',
      usageUntil: '2026-10-01T00:00:00Z',
      charges: [
        { originId: stray, date: '2026-08-20', billed, currency: 'EUR' },
        { originId: owned, date: '2026-09-10', billed: '8', currency: 'EUR' },
      ],
    });
    await publishBill(db, monthly('08'));
    await publishBill(db, monthly('09', [{ originId: stray, date: '2026-08-31', billed: '0.5' }]));
    await publishBill(db, straddling('6'));
    return { db, owned, stray, monthly, straddling };
  });

const FORCED = { forcedReason: 'Azure bills from the 15th' };

async function ask(db: Parameters<typeof coverage>[0], period: string) {
  const request = { period, at: AFTERWARDS };
  await prepareConversions(db, request);
  return {
    reconciliation: await reconciliation(db, request),
    coverage: await coverage(db, request),
    bridge: await bridge(db, request),
    value: await valuePerPod(db, request),
  };
}

/** Everything that can happen to a closed month: bills restated, other rules, other rates. */
async function upset({ db, monthly, straddling, stray }: Company): Promise<void> {
  await publishBill(db, {
    ...monthly('08', [{ originId: stray, date: '2026-08-09', billed: '77' }]),
    deliveredAt: '2026-11-01T00:00:00Z',
  });
  await publishBill(db, { ...straddling('60'), deliveredAt: '2026-11-02T00:00:00Z' });
  await putInForce(db, rulebook([{ id: 'all', when: {}, pod: 'search' }], RULES.pods));
  await sql`update fx_rate set rate = 2`.execute(db);
  await sql`delete from conversion_rate`.execute(db);
}

type Company = {
  readonly db: Parameters<typeof coverage>[0];
  readonly stray: string;
  readonly monthly: (
    month: string,
    extra?: readonly { originId: string; date: string; billed: string }[],
  ) => Parameters<typeof publishBill>[1];
  readonly straddling: (billed: string) => Parameters<typeof publishBill>[1];
};

describe('a closed month', () => {
  test('is reconciled, covered and bridged as it was closed, with what is now known beside', async ({
    db,
    company,
  }) => {
    const before = await ask(db, '2026-08');
    const id = await close(db, '2026-08', FORCED);
    const closed = await ask(db, '2026-08');
    const head = { state: 'closed', statementId: id };
    const of = (rows: readonly object[]) => rows.map((row) => ({ ...row, statementId: id }));
    expect(closed.reconciliation).toEqual({
      ...before.reconciliation,
      ...head,
      rows: of(before.reconciliation.rows),
      billedHereChargedElsewhere: of(before.reconciliation.billedHereChargedElsewhere),
      chargedHereBilledElsewhere: of(before.reconciliation.chargedHereBilledElsewhere),
    });
    expect(
      closed.reconciliation.chargedHereBilledElsewhere.map((row) => `${row.billingPeriod} ${row.ingested}`),
    ).toContain('2026-09 0.5');
    expect(closed.coverage).toEqual({ ...before.coverage, ...head });
    expect(closed.bridge).toEqual({ ...before.bridge, ...head });
    await upset(company);
    expect(await ask(db, '2026-08')).toEqual(closed);

    const asNow = { period: '2026-08', at: AFTERWARDS, asNow: true };
    await prepareConversions(db, asNow);
    const now = await coverage(db, asNow);
    expect(now.asNow).toMatchObject({ state: 'open', statementId: null, total: { share: '1.0000' } });
    expect({ ...now, asNow: undefined }).toEqual({ ...closed.coverage, asNow: undefined });
    const reconciled = await reconciliation(db, asNow);
    expect(reconciled.rows[0]).toMatchObject({ sourceId: 'azure', ingested: '14', statementId: id });
    expect(reconciled.asNow?.rows[0]).toMatchObject({ sourceId: 'azure', ingested: '68', statementId: null });
    expect((await bridge(db, asNow)).asNow?.rows).toMatchObject([{}, { billedCost: '96.000000000001' }]);
  });

  test('leads from its bills to the cost that its other reports show, in mixed periods too', async ({
    db,
    company,
  }) => {
    await close(db, '2026-08', FORCED);
    await upset(company);
    for (const period of ['2026-08', '2026-Q3', '2026-09']) {
      const { bridge: bridged, coverage: covered, value } = await ask(db, period);
      const billed = await costs(db, { period, at: AFTERWARDS, currency: 'billing', by: ['provider'] });
      expect(bridged.rows.map((row) => [row.billingCurrency, row.reportedCost])).toEqual(
        billed.rows.map((row) => [row['billingCurrency'], row.effectiveCost]),
      );
      expect(add(covered.total.attributed.effectiveCost, covered.total.unattributed.effectiveCost)).toBe(
        value.total.cost,
      );
      expect(covered.total.unattributed.effectiveCost).toBe(value.unattributed.cost);
      for (const row of bridged.rows) {
        const steps = sum([row.billedCost, ...row.steps.map((step) => step.difference)]);
        expect(row.effectiveCost).toBe(steps);
      }
    }
  });
});

describe('the views for tools', () => {
  /** As a user that was granted outturn_reader. */
  const askAsReader = <Row>(db: Company['db'], what: string) =>
    db.transaction().execute(async (trx) => {
      await sql`set local role outturn_reader`.execute(trx);
      return (await sql.raw<Row>(what).execute(trx)).rows;
    });

  test('answer closed months as closed, at rates that no report has stored', async ({ db, company }) => {
    const id = await close(db, '2026-08', FORCED);
    const closed = await ask(db, '2026-08');
    await upset(company);
    const now = await ask(db, '2026-Q3');
    await sql`delete from conversion_rate`.execute(db);
    const [unattributed] = await askAsReader<{ cost: string; now: string; missing: boolean }>(
      db,
      `select trim_scale(sum(reporting_cost))::text as cost, trim_scale(sum(reporting_cost_now))::text as now,
         bool_or(is_conversion_missing) as missing
       from report.unattributed where charge_month = '2026-08-01' and state = 'closed' and statement_id = ${id}`,
    );
    expect(unattributed).toEqual({ cost: closed.value.unattributed.cost, now: '0', missing: false });
    await sql`update pod set name = 'Renamed', kind = 'platform'`.execute(db);
    const names = await askAsReader<{ name: string; kind: string; state: string }>(
      db,
      `select distinct pod_name as name, pod_kind as kind, state from report.value_per_pod where pod_id is not null and period = '2026-08'
       union select pod_name, pod_kind, state from report.pod_cost_daily where pod_id is not null and charge_month = '2026-08-01'`,
    );
    expect(names.filter(({ state }) => state !== 'closed')).toEqual([]);
    expect(names.map(({ name }) => name)).not.toContain('Renamed');
    expect(names.map(({ kind }) => kind)).not.toContain('platform');
    const months = await askAsReader<{ period: string; cost: string; missing: boolean }>(
      db,
      `select period, trim_scale(sum(cost_total))::text as cost, bool_or(is_conversion_missing) as missing
       from report.value_per_pod group by period order by period`,
    );
    expect(months.map((row) => row.period)).toEqual(['2026-08', '2026-09']);
    expect(months[0]).toEqual({ period: '2026-08', cost: closed.value.total.cost, missing: false });
    expect(sum(months.map((row) => row.cost as Decimal))).toBe(now.value.total.cost);
  });

  test('answer a bill as closed once all of its months are, and every bill as now known beside', async ({
    db,
    company,
  }) => {
    const august = await close(db, '2026-08', FORCED);
    const states = () =>
      askAsReader<{ bill: string }>(
        db,
        `select source_id || ' ' || billing_period_start || ' ' || state || coalesce(' ' || statement_id, '') || ' ' || trim_scale(ingested) as bill
         from report.reconciliation where metric = 'BilledCost' order by 1`,
      );
    expect((await states()).map((row) => row.bill)).toEqual([
      'azure 2026-08-15 open 14',
      `files 2026-08-01 closed ${august} 19.000000000001`,
      'files 2026-09-01 open 19.500000000001',
    ]);
    const september = await close(db, '2026-09', FORCED);
    await upset(company);
    expect((await states()).map((row) => row.bill)).toEqual([
      `azure 2026-08-15 closed ${september} 14`,
      `files 2026-08-01 closed ${august} 19.000000000001`,
      `files 2026-09-01 closed ${september} 19.500000000001`,
    ]);
    const now = await askAsReader<{ ingested: string }>(
      db,
      `select trim_scale(sum(ingested))::text as ingested from report.reconciliation_now where metric = 'BilledCost'`,
    );
    expect(now).toEqual([{ ingested: '183.500000000002' }]);
  });
});

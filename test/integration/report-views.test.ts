/**
 * The SQL views for BI tools: a plain login user that was granted outturn_reader sees them and nothing else, every column is
 * described where tools look and in docs/sql.md, and the views add up to what the reports of the command line show.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import { describe, expect } from 'vitest';
import { PG_TYPES } from '../../db/pg-types.ts';
import type { DB } from '../../db/schema.gen.ts';
import type { OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { costs } from '../../services/reports/costs.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { AT } from '../support/billed-charges.ts';
import { test as base } from '../support/database.ts';
import { insertPods, stateOutcome } from '../support/outcome-sheets.ts';
import { publishBills } from '../support/published-bills.ts';

const VIEWS = [
  'envelope_status',
  'outcome',
  'pod_cost_daily',
  'reconciliation',
  'reconciliation_now',
  'unattributed',
  'value_per_pod',
];
const SEPTEMBER = { period: '2026-09', at: AT };

type Row = Record<string, string | null>;
type Ask = (statement: string) => Promise<Row[]>;

/** Outcomes over several months, in two currencies, shared, without money and outside of the return; and one envelope. */
async function seedOutcomesAndEnvelope(db: Kysely<DB>): Promise<void> {
  const common = {
    deliveredOn: '2026-09-05',
    ownerEmail: 'val@example.com',
    state: 'verified',
  } as const;
  const shared = [
    { pod: 'checkout', basisPoints: 3_333 },
    { pod: 'search', basisPoints: 5_000 },
  ];
  const own = [{ pod: 'checkout', basisPoints: 10_000 }];
  const outcomes: OutcomeInput[] = [
    {
      ...common,
      title: 'Saved',
      basis: 'cost_reduction',
      amount: '1000.01',
      currency: 'USD',
      shares: shared,
      deliveredOn: '2026-08-15',
      recogniseUntil: '2026-12-02',
    },
    {
      ...common,
      title: 'Sold abroad',
      basis: 'revenue',
      grossOrMargin: 'margin',
      amount: '310',
      currency: 'EUR',
      shares: own,
      recogniseFrom: '2026-09-10',
      recogniseUntil: '2026-09-17',
    },
    {
      ...common,
      title: 'Sold gross',
      basis: 'revenue',
      grossOrMargin: 'gross',
      amount: '77',
      currency: 'USD',
      shares: own,
    },
    {
      ...common,
      title: 'Claimed',
      basis: 'cost_reduction',
      amount: '50',
      currency: 'USD',
      shares: own,
      state: 'claimed',
    },
    {
      ...common,
      title: 'Served',
      basis: 'unit_outcome',
      quantity: '5',
      unit: 'calls',
      outcomeType: 'calls',
      shares: own,
    },
  ];
  for (const input of outcomes) {
    await db.transaction().execute((trx) => stateOutcome(trx, { input, at: AT }));
  }
  await sql`
    with made as (
      insert into envelope (scope_kind, scope_id, period_id, period_start, period_end, counts, created_at)
      values ('pod', 'checkout', '2026-09', '2026-09-01', '2026-10-01', 'controlled', now()) returning id
    ), version as (
      insert into envelope_version (envelope_id, version, envelope_limit, currency, cost_metric, rungs, approved_on, method, origin,
        applied_by, created_at)
      select id, 1, 300, 'USD', 'EffectiveCost', '{0.8,1}', '2026-08-20', 'asserted', 'explicit', 'op', now() from made
    )
    insert into envelope_state (envelope_id, version, actual, rung, data_as_of, evaluated_at)
    select id, 1, 250.5, '0.8', '2026-09-13T23:00:00Z', now() from made
  `.execute(db);
}

/** Asks as a login user of its own, the way a BI tool does. */
const test = base
  .extend('bills', { scope: 'file' }, async ({ database }) => {
    await insertPods(database.db, { id: 'checkout', portfolio: 'commerce' }, { id: 'search', kind: 'platform' });
    const bills = await publishBills(database.db);
    await seedOutcomesAndEnvelope(database.db);
    return bills;
  })
  .extend('ask', { scope: 'file' }, async ({ bills, database }, { onCleanup }): Promise<Ask> => {
    expect(bills.aws).not.toBe('');
    const user = `bi_${randomUUID().replaceAll('-', '')}`;
    const password = randomUUID();
    await sql.raw(`create user ${user} password '${password}' in role outturn_reader`).execute(database.db);
    const url = new URL(database.url);
    url.username = user;
    url.password = password;
    const client = new pg.Client({ connectionString: url.href, types: PG_TYPES });
    await client.connect();
    onCleanup(async () => {
      await client.end();
      await sql.raw(`drop user ${user}`).execute(database.db);
    });
    return async (statement) => (await client.query<Row>(statement)).rows;
  });

describe('a plain user with outturn_reader', () => {
  test('sees the views and nothing else', async ({ ask }) => {
    const seen = await ask(`
      select table_schema || '.' || table_name as name from information_schema.tables
      where table_schema not in ('pg_catalog', 'information_schema') order by 1`);
    expect(seen.map(({ name }) => name)).toEqual(VIEWS.map((view) => `report.${view}`));
    for (const view of VIEWS) expect(await ask(`select * from report.${view} limit 1`), view).toHaveLength(1);
  });

  test('reads no table, calls no function of ours and enters no other schema', async ({ ask, database }) => {
    const { rows } = await sql<{ name: string }>`
      select format('%I.%I', nspname, relname) as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where relkind in ('r', 'p', 'v', 'm', 'S') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'report')
    `.execute(database.db);
    expect(rows.length).toBeGreaterThan(50);
    for (const { name } of rows) {
      await expect(ask(`select * from ${name} limit 1`), name).rejects.toMatchObject({ code: '42501' });
    }
    for (const call of ['public.readable_pods()', "public.fold_tags('{}')", 'public.create_charge_table(1)']) {
      await expect(ask(`select ${call}`), call).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('writes nothing: no row, no table, no role', async ({ ask }) => {
    for (const statement of [
      `update report.envelope_status set envelope_limit = 1`,
      `delete from report.pod_cost_daily`,
      `create table report.mine (id integer)`,
      `create table public.mine (id integer)`,
      `set role outturn_pod`,
    ]) {
      await expect(ask(statement), statement).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|55000)$/) });
    }
  });
});

test('every view and column is described to tools, and in docs/sql.md in the same words', async ({ ask }) => {
  const columns = await ask(`
    select view.relname as view, attribute.attname as name, col_description(view.oid, attribute.attnum) as text,
      obj_description(view.oid) as about
    from pg_class as view join pg_attribute as attribute on attribute.attrelid = view.oid and attribute.attnum > 0
    where view.relnamespace = 'report'::regnamespace`);
  expect(columns.length).toBeGreaterThan(100);
  const page = readFileSync(join(import.meta.dirname, '../../docs/sql.md'), 'utf8');
  for (const { view, name, text, about } of columns) {
    const section = page.split(`### report.${view}\n`)[1]?.split('\n### ')[0] ?? '';
    expect(section, `${view}`).toContain(about ?? 'no description');
    expect(section, `${view}.${name}`).toContain(`| \`${name}\` | ${text ?? 'no description'} |`);
  }
});

describe('the views add up to the reports', () => {
  test('pod_cost_daily to the cost explorer, in every billing currency and converted', async ({ ask, database }) => {
    await prepareConversions(database.db, SEPTEMBER);
    const explorer = await costs(database.db, { ...SEPTEMBER, by: ['pod', 'kind'], where: [], currency: 'billing' });
    const summed = await ask(`
      select pod_id, kind, billing_currency, trim_scale(sum(billed_cost))::text as billed, trim_scale(sum(effective_cost))::text as effective,
        trim_scale(sum(list_cost))::text as list, trim_scale(sum(contracted_cost))::text as contracted
      from report.pod_cost_daily where charge_month = '2026-09-01' group by 1, 2, 3`);
    const key = (...parts: (string | null | undefined)[]) => JSON.stringify(parts);
    expect(
      new Set(
        summed.map((row) =>
          key(
            row['pod_id'],
            row['kind'],
            row['billing_currency'],
            row['billed'],
            row['effective'],
            row['list'],
            row['contracted'],
          ),
        ),
      ),
    ).toEqual(
      new Set(
        explorer.rows.map((row) =>
          key(
            row['pod'],
            row['kind'],
            row['billingCurrency'],
            row.billedCost,
            row.effectiveCost,
            row.listCost,
            row.contractedCost,
          ),
        ),
      ),
    );
    const [converted] = await ask(`
      select trim_scale(sum(reporting_cost))::text as cost, trim_scale(sum(reporting_cost_now))::text as now, bool_or(is_conversion_missing)::text as missing
      from report.pod_cost_daily where charge_month = '2026-09-01'`);
    const { total } = await valuePerPod(database.db, SEPTEMBER);
    expect(converted).toEqual({ cost: total.cost, now: total.cost, missing: 'false' });
  });

  test('value_per_pod to the value report of a month that is over, pod by pod', async ({ ask, database }) => {
    await prepareConversions(database.db, SEPTEMBER);
    const report = await valuePerPod(database.db, SEPTEMBER);
    const rows = await ask(`
      select pod_id, trim_scale(cost_direct)::text as direct, trim_scale(cost_shared)::text as shared, trim_scale(cost_total)::text as total,
        trim_scale(verified)::text as verified, trim_scale(claimed)::text as claimed, verified_outcomes, claimed_outcomes,
        return::text as ratio, return_note, state, currency
      from report.value_per_pod where period = '2026-09' order by pod_id nulls last`);
    expect(rows.slice(0, -1)).toEqual(
      report.pods.map((pod) => ({
        pod_id: pod.podId,
        direct: pod.cost.direct,
        shared: pod.cost.shared,
        total: pod.cost.total,
        verified: pod.value.verified,
        claimed: pod.value.claimed,
        verified_outcomes: pod.value.verifiedOutcomes,
        claimed_outcomes: pod.value.claimedOutcomes,
        ratio: pod.return,
        return_note: pod.returnNote,
        state: 'open',
        currency: 'USD',
      })),
    );
    expect(rows.at(-1)).toMatchObject({
      pod_id: null,
      total: report.unattributed.cost,
      claimed: report.unattributed.claimed,
      ratio: null,
    });
  });

  test('unattributed to the unattributed cost of the explorer', async ({ ask, database }) => {
    const explorer = await costs(database.db, {
      ...SEPTEMBER,
      by: ['provider', 'serviceName', 'rule'],
      where: ['pod='],
      currency: 'billing',
    });
    const rows = await ask(`
      select provider_name, service_name, rule_id, billing_currency, trim_scale(sum(effective_cost))::text as cost
      from report.unattributed where charge_month = '2026-09-01' group by 1, 2, 3, 4 order by 1, 2`);
    expect(rows.map((row) => Object.values(row))).toEqual(
      explorer.rows.map((row) => [
        row['provider'],
        row['serviceName'],
        row['rule'],
        row['billingCurrency'],
        row.effectiveCost,
      ]),
    );
    expect(rows.length).toBeGreaterThan(0);
  });

  test('reconciliation to the report, invoices included', async ({ ask, database }) => {
    await sql`
      insert into invoice (source_id, invoice_id, version, state, billing_period_start, billing_period_end, currency, total,
        credits_outside_bill, tax_outside_bill, content_digest, stated_at, stated_by)
      values ('aws', 'I', 1, 'issued', '2026-09-01', '2026-10-01', 'USD', 100, 0, 0, 'x', now(), 'grace')
    `.execute(database.db);
    const report = await reconciliation(database.db, { period: '2026', at: AT });
    const rows = await ask(`
      select source_id as "sourceId", load_id::text as "loadId", billing_currency as "billingCurrency", metric,
        trim_scale(file)::text as file, trim_scale(ingested)::text as ingested, trim_scale(attributed)::text as attributed,
        trim_scale(unattributed)::text as unattributed, trim_scale(difference)::text as difference, trim_scale(invoice)::text as invoice,
        trim_scale(invoice_difference)::text as "invoiceDifference", statement_id as "statementId"
      from report.reconciliation`);
    const known = report.rows.map(({ billingPeriod: _period, ...row }) => JSON.stringify(row));
    expect(new Set(rows.map((row) => JSON.stringify(row)))).toEqual(new Set(known));
    expect(rows.some((row) => row['invoiceDifference'] !== null)).toBe(true);
  });

  test('envelope_status and outcome to their lists', async ({ ask, database }) => {
    const envelopes = await listEnvelopes(database.db, { at: AT });
    const standing = await ask(`
      select envelope_id::text as id, trim_scale(actual)::text as actual, used::text as used, state from report.envelope_status`);
    const listed = envelopes.filter((one) => one.envelopeId !== null);
    expect(new Set(standing.map((row) => JSON.stringify(Object.values(row))))).toEqual(
      new Set(listed.map((one) => JSON.stringify([one.envelopeId, one.actual, one.used, one.state]))),
    );
    const shares = await ask(`
      select outcome_id, trim_scale(amount)::text as amount, trim_scale(sum(share_amount))::text as shared from report.outcome group by 1, 2`);
    expect(shares).toHaveLength(5);
    for (const { amount, shared } of shares) expect(shared).toBe(amount);
  });
});

test('a missing exchange rate gives null and a flag, never a figure', async ({ ask, database }) => {
  await sql`update pod_day set billing_currency = 'CHF' where charge_date = '2026-09-20'`.execute(database.db);
  const [day] = await ask(`
    select effective_cost::text as effective, reporting_cost::text as cost, is_conversion_missing::text as missing
    from report.pod_cost_daily where charge_date = '2026-09-20'`);
  expect(day).toEqual({ effective: '10', cost: null, missing: 'true' });
  const [month] = await ask(`
    select cost_total::text as total, return::text as ratio, return_note, is_conversion_missing::text as missing
    from report.value_per_pod where period = '2026-09' and pod_id = 'checkout'`);
  expect(month).toEqual({ total: null, ratio: null, return_note: 'exchange rate missing', missing: 'true' });
});

test('a closed month answers as closed, with what is now known beside it', async ({ ask, database }) => {
  const { rows } = await sql<{ id: number }>`
    insert into statement (kind, period_id, period_start, period_end, state, known_at, figures_version, rulebook_id, currency, cost_metric,
      heading, document, document_hash, prepared_by, prepared_at)
    values ('month', '2026-08', '2026-08-01', '2026-09-01', 'prepared', now(), 1, 0, 'USD', 'EffectiveCost', '{}', '{}', 'h', 'ada', now())
    returning id
  `.execute(database.db);
  const id = rows[0]?.id ?? 0;
  await sql`
    insert into statement_pod_day select ${id}::integer, charge_date, pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost,
      contracted_cost from pod_day where charge_date < '2026-09-01'
  `.execute(database.db);
  await sql`
    insert into statement_value (statement_id, recognised_on, outcome_id, outcome_version, pod_id, state, beside, currency, amount)
    select ${id}::integer, '2026-08-20', min(id), 1, 'checkout', 'verified', null, 'USD', 12.5 from outcome
  `.execute(database.db);
  await sql`
    insert into statement_adjustment (statement_id, adjusted_statement_id, adjusted_on, pod_id, kind, currency, billed_cost, effective_cost,
      list_cost, contracted_cost, amount, reported_billed_cost, reported_effective_cost, reported_list_cost, reported_contracted_cost,
      reported_amount)
    values (${id}, ${id}, '2026-07-31', 'checkout', 'direct', 'USD', 1, 1, 1, 1, 0, 1, 1.5, 1, 1, 0)
  `.execute(database.db);
  await sql`
    update statement set state = 'approved', approved_by = 'grace', approved_at = now(), ordinal = 1, previous_hash = '', hash = 'x'
  `.execute(database.db);
  await sql`update pod_day set effective_cost = -5 where charge_date = '2026-08-31'`.execute(database.db);
  expect(
    await ask(`
      select period, pod_id, state, statement_id, cost_total::text as total, cost_total_now::text as now, verified::text as verified,
        (verified_now <> verified) as moved, cost_adjustment::text as adjustment
      from report.value_per_pod where period = '2026-08' and pod_id = 'checkout'`),
  ).toEqual([
    {
      period: '2026-08',
      pod_id: 'checkout',
      state: 'closed',
      statement_id: id,
      total: '-3',
      now: '-5',
      verified: '12.5',
      moved: true,
      adjustment: '1.5',
    },
  ]);
  expect(
    await ask(`
      select state, statement_id, effective_cost::text as closed, reporting_cost::text as cost, reporting_cost_now::text as now
      from report.pod_cost_daily where charge_date = '2026-08-31' order by statement_id`),
  ).toEqual([{ state: 'closed', statement_id: id, closed: '-3', cost: '-3', now: '-5' }]);
});

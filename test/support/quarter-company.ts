/**
 * A company for the CIO's quarter: the quarter before it was closed and restated since, and the bill and the outcomes of the quarter itself
 * have everything that a bridge knows.
 */
import { type Kysely, sql } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import type { Bridge } from '../../services/cloud-return/bridge.ts';
import { cloudReturn, prepareQuarter } from '../../services/cloud-return/cloud-return.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { insertOrigin, pod, rulebook } from './billed-charges.ts';
import { AFTERWARDS, close, publishBill, putInForce } from './closing.ts';
import { test as base } from './database.ts';
import { FINANCE, importVerified, insertPods, outcomeRow, outcomeSheet, VERIFIED } from './outcome-sheets.ts';

export const QUARTER = '2026-Q3';
export const PODS = [pod('checkout'), pod('search')];
export const CHECKOUT = { id: 'checkout', when: { resourceId: 'vm' }, pod: 'checkout' };
const SEARCH = { id: 'search', when: { resourceId: 'disk' }, pod: 'search' };
const TAXED = { id: 'tax', when: { chargeCategory: 'Tax' }, pod: 'search' };

/** June is closed, then its bill was restated and tax given to a pod; the bill of the quarter after it has everything a bridge knows. */
const company = base.extend('db', { scope: 'file' }, async ({ database: { db } }): Promise<Kysely<DB>> => {
  await insertPods(db, { id: 'checkout' }, { id: 'search' });
  await putInForce(db, rulebook([CHECKOUT, SEARCH], PODS));
  await sql`update organisation set fx_carry_days = 100`.execute(db);
  const text = 'date,base,quote,rate\n2026-06-01,EUR,USD,1.1\n2026-07-01,EUR,USD,1.2\n';
  await db.transaction().execute((trx) => importFxFiles(trx, [{ name: 'ecb.csv', text }]));
  const place = { provider_name: 'AWS', charge_category: 'Usage' };
  const origin = {
    compute: await insertOrigin(db, { ...place, service_name: 'Compute', resource_id: 'vm' }),
    storage: await insertOrigin(db, { ...place, service_name: 'Storage', resource_id: 'disk' }),
    credit: await insertOrigin(db, { ...place, service_name: 'Credits', charge_category: 'Credit' }),
    tax: await insertOrigin(db, { ...place, service_name: 'Tax', charge_category: 'Tax' }),
  };
  const june = (hours: string) => ({
    start: '2026-06-01',
    end: '2026-07-01',
    charges: [
      { originId: origin.compute, date: '2026-06-02', sku: 'c4', quantity: hours, billed: hours },
      { originId: origin.storage, date: '2026-06-03', sku: 's3', quantity: '10', billed: '20', currency: 'EUR' },
      { originId: origin.credit, date: '2026-06-03', billed: '-5' },
      { originId: origin.tax, date: '2026-06-30', billed: '3' },
    ],
  });
  await publishBill(db, june('100'));
  await importValues(db);
  await sql`insert into pod (id, name, kind) values ('network', 'Network', 'platform')`.execute(db);
  await sql`insert into outcome_enabler (outcome_id, pod_id) select id, 'network' from outcome where source_row_id = 'new'`.execute(
    db,
  );
  await addEnvelope(db);
  await sql`
    insert into note (period_id, period_start, period_end, pod_id, text, signed_by, signed_role, signed_at)
    values (${QUARTER}, '2026-07-01', '2026-10-01', 'search', 'We moved to another disk.', 'search-owner@example.com', 'pod', '2026-10-02T00:00:00Z')
  `.execute(db);
  await close(db, '2026-06');

  await publishBill(db, { ...june('110'), deliveredAt: '2026-11-01T00:00:00Z' });
  await putInForce(db, rulebook([CHECKOUT, SEARCH, TAXED], PODS));
  await retract(db, 'retracted');
  await publishBill(db, {
    start: '2026-07-01',
    end: '2026-10-01',
    charges: [
      { originId: origin.compute, date: '2026-07-02', sku: 'c4', quantity: '220', billed: '198' },
      { originId: origin.compute, date: '2026-08-02', sku: 'gpu', quantity: '1', billed: '40' },
      { originId: origin.storage, date: '2026-09-03', sku: 's3', quantity: '10', billed: '22', currency: 'EUR' },
      { originId: origin.credit, date: '2026-09-03', billed: '-8' },
      { originId: origin.tax, date: '2026-09-30', billed: '4' },
    ],
  });
  return db;
});

/** `test` with the company and the report of its quarter before that is closed. */
export const test = company.extend('open', { scope: 'file' }, ({ db }) => report(db));

/** One runs on into the quarter, one ended, one begins, one is retracted later, one is claimed only. */
async function importValues(db: Kysely<DB>): Promise<void> {
  const verified = {
    ...VERIFIED,
    delivered_on: '2026-06-01',
    recognise_from: '2026-06-01',
  };
  const rows = [
    { ...verified, source_row_id: 'runs-on', amount: '92', recognise_until: '2026-09-01' },
    { ...verified, source_row_id: 'ended', amount: '30', recognise_until: '2026-07-01' },
    { ...verified, source_row_id: 'retracted', amount: '122', recognise_until: '2026-10-01' },
    {
      ...verified,
      source_row_id: 'new',
      amount: '50',
      delivered_on: '2026-07-05',
      recognise_from: '2026-07-05',
      recognise_until: '2026-08-24',
    },
    { source_row_id: 'claimed', amount: '7', pod: 'search', delivered_on: '2026-08-01', title: 'Found more' },
  ];
  const sheet = outcomeSheet(...rows.map((row) => outcomeRow({ title: `Outcome ${row.source_row_id}`, ...row })));
  const { outcomes } = await importVerified(db, { sheet, workbook: 'benefits', at: AFTERWARDS });
  expect(outcomes.map(({ state }) => state)).toEqual(['verified', 'verified', 'verified', 'verified', 'claimed']);
}

/** An outcome taken back after the months that counted it. */
export async function retract(db: Kysely<DB>, row: string): Promise<void> {
  const { id } = await db.selectFrom('outcome').select('id').where('source_row_id', '=', row).executeTakeFirstOrThrow();
  const request = { outcomeId: String(id), reason: 'counted elsewhere', principal: FINANCE, at: AFTERWARDS };
  await db.transaction().execute((trx) => retractOutcome(trx, request));
}

async function addEnvelope(db: Kysely<DB>): Promise<void> {
  await sql`
    with made as (
      insert into envelope (scope_kind, scope_id, period_id, period_start, period_end, counts, created_at)
      values ('organisation', null, ${QUARTER}, '2026-07-01', '2026-10-01', 'controlled', now()) returning id
    ), standing as (
      insert into envelope_state (envelope_id, version, actual, data_as_of, evaluated_at) select id, 1, 130.2, now(), now() from made
    )
    insert into envelope_version (envelope_id, version, envelope_limit, currency, cost_metric, rungs, approved_on, method, origin,
      applied_by, created_at)
    select id, 1, 260.4, 'USD', 'EffectiveCost', '{0.8,1}', '2026-06-20', 'asserted', 'explicit', 'op', now() from made
  `.execute(db);
}

/** The report of the quarter, long after it. */
export async function report(db: Kysely<DB>) {
  const asked = { quarter: QUARTER, at: AFTERWARDS };
  await prepareQuarter(db, asked);
  return cloudReturn(db, asked);
}

/** The steps of a bridge that moved something. */
export function stepsOf(bridge: Bridge | null): Record<string, string> {
  const steps = Object.fromEntries((bridge?.steps ?? []).map(({ step, amount }) => [step, amount as string]));
  return Object.fromEntries(Object.entries(steps).filter(([, amount]) => amount !== '0'));
}

/**
 * The CIO's quarter of a company whose last quarter was closed and restated since: every step of both bridges to the last decimal, every
 * figure as the other reports have it, and that nothing of a closed quarter changes afterwards, its PDF included.
 */
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import type { Bridge } from '../../services/cloud-return/bridge.ts';
import { cloudReturn, prepareQuarter } from '../../services/cloud-return/cloud-return.ts';
import { commentLines } from '../../services/cloud-return/pages/first-page.ts';
import { cloudReturnTable } from '../../services/cloud-return/cloud-return-table.ts';
import { sectionsOf } from '../../services/cloud-return/pages/sections.ts';
import { renderCloudReturn } from '../../cli/render/cloud-return.ts';
import { cloudReturnPdf } from '../../services/cloud-return/pdf/cloud-return-pdf.ts';
import { enablingReport } from '../../services/enabling/enabling-report.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { readDecisions } from '../../services/cloud-return/decisions.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { add, type Decimal, decimal, multiply, sum } from '../../services/kernel/decimal.ts';
import { retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { headlineOf } from '../../services/cloud-return/headline.ts';
import { readQuarter } from '../../services/cloud-return/quarter.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { startTestApi } from '../support/api.ts';
import { insertOrigin, pod, rulebook } from '../support/billed-charges.ts';
import { AFTERWARDS, close, publishBill, putInForce } from '../support/closing.ts';
import { test as base } from '../support/database.ts';
import { FINANCE, importVerified, insertPods, outcomeRow, outcomeSheet, VERIFIED } from '../support/outcome-sheets.ts';

const QUARTER = '2026-Q3';
const PODS = [pod('checkout'), pod('search')];
const CHECKOUT = { id: 'checkout', when: { resourceId: 'vm' }, pod: 'checkout' };
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

/** The quarter before it is closed. */
const test = company.extend('open', { scope: 'file' }, ({ db }) => report(db));

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

async function retract(db: Kysely<DB>, row: string): Promise<void> {
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

async function report(db: Kysely<DB>) {
  const asked = { quarter: QUARTER, at: AFTERWARDS };
  await prepareQuarter(db, asked);
  return cloudReturn(db, asked);
}

function stepsOf(bridge: Bridge | null): Record<string, string> {
  const steps = Object.fromEntries((bridge?.steps ?? []).map(({ step, amount }) => [step, amount as string]));
  return Object.fromEntries(Object.entries(steps).filter(([, amount]) => amount !== '0'));
}

describe('the CIO’s quarter', () => {
  test('says what moved the cost, step by step', async ({ open }) => {
    const { costBridge } = open;
    expect(costBridge).toMatchObject({ from: '2026-Q2', opening: '120', closing: '260.4', residual: '0' });
    expect(stepsOf(costBridge)).toEqual({
      restatement: '10', // 110 − 100
      usage: '110', // (220 − 110) hours at 1
      rate: '-19.8', // 198 − 220, and 2 EUR at June's 1.1
      uncounted: '1', // tax
      new: '40',
      commitments: '-3', // credits
      fx: '2.2', // 22 EUR at 1.2, not 1.1
    });
    expect(costBridge?.rates).toEqual([{ currency: 'EUR', rate: '1.1' }]);
    expect(costBridge?.steps.find(({ step }) => step === 'rules')).toMatchObject({ amount: '0', moved: '3' });
    expect(costBridge?.steps.find(({ step }) => step === 'usage')?.drivers).toEqual([
      { name: 'Compute (AWS)', amount: '110' },
    ]);
  });

  test('says what moved the verified value, outcome by outcome', async ({ open }) => {
    const { valueBridge } = open;
    expect(valueBridge).toMatchObject({ from: '2026-Q2', opening: '90', closing: '112', residual: '0' });
    expect(stepsOf(valueBridge)).toEqual({
      'newly-verified': '50',
      schedule: '64', // 62 − 30, 0 − 30, and 92 − 30 of what was retracted
      retracted: '-92',
    });
  });

  test('equals value per pod, envelopes and reconciliation of the same quarter', async ({ db, open: found }) => {
    await prepareConversions(db, { period: QUARTER, at: AFTERWARDS });
    const value = await valuePerPod(db, { period: QUARTER, at: AFTERWARDS, detail: true });
    expect(found.pods).toEqual(value.pods);
    const { total, coverage } = await valuePerPod(db, { period: '2026-06-01..2026-10-01', at: AFTERWARDS });
    expect(found.summary.sinceStart).toEqual({
      since: '2026-06-01',
      ...without(total, 'claimed', 'adjustments'),
      coverage,
    });
    expect(sum(Object.values(found.outcomes?.verifiedByBasis ?? {}))).toBe(value.total.verified);
    expect(sum(found.outcomes?.claims.byAge.map((one) => one.value) ?? [])).toBe(value.total.claimed);
    const { figures } = found.summary;
    expect(figures).toMatchObject({
      cost: value.total.cost,
      verified: value.total.verified,
      claimed: value.total.claimed,
    });
    expect(figures).toMatchObject({
      return: value.total.return,
      returnOnTotal: value.total.returnOnTotal,
      coverage: value.coverage,
    });
    const { cost, verified, claimed } = value.unattributed;
    expect(found.unattributed).toMatchObject({ cost, verified, claimed });
    expect(sum([...found.unattributed.rows.map(({ cost }) => cost), found.unattributed.rest])).toBe(
      value.unattributed.cost,
    );
    expect(found.adjustments).toEqual(value.total.adjustments);

    const period = await readQuarter(db, QUARTER);
    const [envelope] = await listEnvelopes(db, { at: AFTERWARDS, period });
    expect(found.envelopes.scopes).toMatchObject([{ limit: '260.4', actual: envelope?.actual, used: envelope?.used }]);
    // The envelope has its euros at the rate of its approval.
    expect(found.summary.approved).toEqual({
      of: 'organisation',
      pods: null,
      podsOtherwise: null,
      limit: '260.4',
      actual: '258.2',
      used: '0.9916',
    });

    const { rows } = await reconciliation(db, { period: QUARTER, at: AFTERWARDS });
    const rates: Record<string, Decimal> = { USD: decimal('1'), EUR: decimal('1.2') };
    const billed = rows.filter(({ metric }) => metric === 'EffectiveCost');
    const reconciled = billed.map((row) =>
      multiply(add(row.attributed, row.unattributed), rates[row.billingCurrency] ?? decimal('0')),
    );
    expect(sum(reconciled)).toBe(figures.cost);
  });

  test('adds its movers up to the bridge without exchange rates', async ({ open }) => {
    const { movers, costBridge } = open;
    const fx = costBridge?.steps.find(({ step }) => step === 'fx')?.amount ?? decimal('0');
    expect(add(add(costBridge?.opening ?? fx, movers?.change ?? fx), fx)).toBe(costBridge?.closing);
    expect(sum([...(movers?.up ?? []), ...(movers?.down ?? [])].map(({ change }) => change))).toBe(movers?.change);
  });

  test('is held, while it goes on, against as many days of the quarter before, the day that cuts a closed month included', async ({
    db,
    open: _later,
  }) => {
    const found = await cloudReturn(db, { quarter: QUARTER, at: new Date('2026-09-03T12:00:00Z') });
    expect(found).toMatchObject({ days: { counted: 64, all: 92 }, quarter: { through: '2026-09-02' } });
    expect(found.summary.lastQuarter).toMatchObject({ period: '2026-Q2', through: '2026-06-03', costChange: '121' });
    expect(found.costBridge).toMatchObject({ from: '2026-Q2', through: '2026-06-03', opening: '117', closing: '238' });
    expect(stepsOf(found.costBridge)).toEqual({
      restatement: '10',
      usage: '110',
      rate: '-22',
      new: '40',
      ended: '-22', // storage, which costs on a later day
      commitments: '5',
    });
    expect(found.valueBridge).toMatchObject({ opening: '9', closing: '112' });
    expect(stepsOf(found.valueBridge)).toEqual({ 'newly-verified': '50', schedule: '117', retracted: '-64' });
    // Before exchange rates, and from the bill as it was closed.
    expect(found.movers?.change).toBe('121');
    expect(found.headline[0]).toBe(
      'Cloud cost $238.00 in 64 of 92 days of 2026-Q3; +103.4 % on as many days of last quarter (2026-Q2 to 3 Jun), nothing known of a year ago (2025-Q3) to compare it with.',
    );
    expect(found.scorecard[1]).toMatchObject({ period: '2026-Q2', cost: '120' });
  });

  test('leads with cost, its coverage and one step until there is an outcome', ({ open }) => {
    const none = { verified: decimal('0'), claimed: decimal('0'), return: null };
    const summary = { ...open.summary, figures: { ...open.summary.figures, ...none } };
    const pods = open.pods.map((row) => ({ ...row, value: { ...row.value, verifiedOutcomes: 0, claimedOutcomes: 0 } }));
    const said = headlineOf({ ...open, pods, summary });
    expect(said.join(' ')).toContain(
      'No outcome counts in 2026-Q3 yet, so that there is no return; the next step is to claim one.',
    );
    expect(said.join(' ')).not.toContain('Verified return 0');
    const ofNobody = headlineOf({ ...open, pods: [], summary });
    expect(ofNobody.join(' ')).toContain('the next step is an organisation file with pods and the rules');
  });

  test('says whom the envelopes of pods leave out, who used theirs up, and what harm is verified', ({ open }) => {
    const [first] = open.pods;
    if (first === undefined) throw new Error('there are pods');
    const [cost, verified, harm] = [decimal('9'), decimal('-7'), decimal('7')];
    const harmed = {
      podId: 'harmed',
      name: 'Harmed',
      cost,
      verified,
      claimed: decimal('0'),
      return: '-0.7778',
      returnNote: null,
      harm,
    };
    const envelope = {
      envelopeId: '1',
      limit: decimal('100'),
      actual: decimal('120'),
      used: '1.2000',
      currency: 'EUR',
    };
    const pods = [
      {
        ...first,
        podId: 'abroad',
        name: 'Abroad',
        envelope: { ...envelope, counts: 'controlled', state: 'over' } as const,
      },
      { ...first, podId: 'without', name: 'A pod with a name that nobody can read to its end', envelope: null },
    ];
    const approved = {
      of: 'pods',
      pods: 1,
      podsOtherwise: 1,
      limit: decimal('50'),
      actual: decimal('40'),
      used: '0.8',
    } as const;
    const said = headlineOf({
      ...open,
      pods,
      summary: { ...open.summary, approved, unexplained: [harmed] },
      envelopes: { scopes: [], podsWithout: ['without'] },
      unattributed: { ...open.unattributed, cost: decimal('13') },
    });
    expect(said[1]).toBe(
      '$40.00 of $50.00 approved is spent (80.0 %), by the envelopes of 1 pod. Not in it: $238.00 (91.4 % of cost) of A pod with a name …n read to its end, without an envelope; $238.00 (91.4 % of cost) of Abroad, approved in another currency; $13.00 (5.0 % of cost) unattributed.',
    );
    expect(said[2]).toBe('What was approved for the quarter is used up by Abroad (120.0 %).');
    expect(said.at(-1)).toBe(
      'Harm is verified of Harmed ($7.00): it lowers the return, though such a pod counts among those with a verified outcome.',
    );
  });

  test('asks what becomes of a verified outcome whose evidence broke, once however much of it did', async ({
    trx,
    open,
  }) => {
    expect(open.summary.decisions.map(({ kind }) => kind)).not.toContain('broken-evidence');
    await sql`
      insert into outcome_evidence (outcome_id, kind, uri, captured_at, added_by, added_at, broken_at, broken_reason)
      select id, 'link', 'https://example.com/' || part, now(), 'op', now(), now(), 'gone ' || part
      from outcome cross join generate_series(1, 2) as part where source_row_id = 'runs-on'
    `.execute(trx);
    const asked = (await readDecisions(trx, AFTERWARDS)).filter(({ kind }) => kind === 'broken-evidence');
    expect(asked).toMatchObject([{ count: 1, amounts: [{ currency: 'USD', amount: '92' }] }]);
    expect(asked[0]?.items[0]?.sentence).toMatch(
      /^Outcome \d+, Outcome runs-on, is verified by evidence that does not hold any more: gone 1; gone 2\.$/,
    );
  });

  test('says in a sentence that there is nothing to show, and refuses a quarter that has not begun', async ({ db }) => {
    const at = AFTERWARDS;
    const empty = await cloudReturn(db, { quarter: '2025-Q1', at });
    expect(empty.headline).toEqual(['Nothing is known of 2025-Q1: no bill and no outcome.']);
    expect([sectionsOf(empty), cloudReturnTable(empty).rows]).toEqual([[], []]);
    expect(renderCloudReturn(empty).split('\n')).toHaveLength(3);
    const begun = await cloudReturn(db, { quarter: QUARTER, at: new Date('2026-07-01T12:00:00Z') });
    expect(begun.headline[0]).toContain('No day of 2026-Q3 is complete in every bill yet');
    await expect(cloudReturn(db, { quarter: '2027-Q1', at })).rejects.toThrow('2027-Q1 has not begun');
  });

  test('says what it does not know, and leaves out what nobody measures', async ({ open: found }) => {
    expect(found.summary.yearAgo).toMatchObject({
      period: '2025-Q3',
      figures: null,
      note: 'nothing is known of 2025-Q3',
    });
    expect(found.headline[0]).toBe(
      'Cloud cost $260.40; +117.0 % on last quarter (2026-Q2), nothing known of a year ago (2025-Q3) to compare it with.',
    );
    expect(found.headline.join(' ')).toContain('Verified return 0.42× on attributed spend (103.1 % of total)');
    expect(Object.keys(found)).not.toContain('delivery');
    expect(found.summary.comments).toMatchObject([
      { podId: 'checkout', notes: [] },
      { podId: 'search', notes: [{ text: 'We moved to another disk.', signedBy: 'search-owner@example.com' }] },
    ]);
    expect(commentLines(found)).toContainEqual({
      pod: 'Checkout',
      text: 'no comment by the owner',
      by: 'checkout-owner@example.com',
    });
  });
});

describe('a closed quarter', () => {
  test('is kept with its statement: its figures and its PDF never change', async ({ db, open, database }) => {
    for (const month of ['2026-07', '2026-08', '2026-09']) await close(db, month);
    const statementId = await close(db, QUARTER);
    const closed = await report(db);
    expect(closed).toMatchObject({ state: 'closed', statementId, pods: open.pods });
    expect(stepsOf(closed.costBridge)).toEqual(stepsOf(open.costBridge));
    expect(stepsOf(closed.valueBridge)).toEqual(stepsOf(open.valueBridge));
    const pdf = Buffer.from(await cloudReturnPdf(closed));
    const enabling = await enablingReport(db, { period: QUARTER });
    expect(enabling).toMatchObject({
      statementId,
      pods: [{ podId: 'network', served: [{ podId: 'checkout', outcomes: 1 }] }],
    });
    expect(closed.enabling).toEqual(enabling.pods);

    await retract(db, 'new');
    expect(await enablingReport(db, { period: QUARTER })).toEqual(enabling);
    expect((await enablingReport(db, { period: '2026-07-01..2026-09-30' })).pods).toMatchObject([{ outcomes: 0 }]);
    await putInForce(db, rulebook([CHECKOUT], PODS));
    const later = await report(db);
    expect(later).toEqual(closed);
    expect(Buffer.from(await cloudReturnPdf(later)).equals(pdf)).toBe(true);
    expect((await verifyStatements(db)).verified).toBe(true);

    const api = await startTestApi(database);
    api.clock.set(AFTERWARDS.toISOString());
    try {
      const headers = await api.authorise('cio');
      const url = `/api/v1/reports/cloud-return?quarter=${QUARTER}`;
      const json = await api.app.inject({ url, headers });
      expect(json.body).toBe(`${JSON.stringify(closed, null, 2)}\n`);
      const printed = await api.app.inject({ url, headers: { ...headers, accept: 'application/pdf' } });
      expect(printed.headers['content-type']).toBe('application/pdf');
      expect(printed.rawPayload.equals(pdf)).toBe(true);
      const table = await api.app.inject({ url, headers: { ...headers, accept: 'text/csv' } });
      expect(table.body).toContain(`${QUARTER},closed,${statementId},cost bridge,fx,${QUARTER},amount,2.2,USD`);
      const month = await api.app.inject({ url: url.replace(QUARTER, '2026-07'), headers });
      expect(month.json()).toMatchObject({
        code: 'invalid_period',
        detail: '"2026-07" is not a quarter. Write one such as 2026-Q3.',
      });
      const ofPod = await api.app.inject({ url, headers: await api.authorise('pod', { pods: ['checkout'] }) });
      expect(ofPod.statusCode).toBe(403);
    } finally {
      await api.close();
    }
  });
});

function without<Row extends object>(row: Row, ...keys: (keyof Row)[]): Partial<Row> {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !keys.includes(name as keyof Row))) as Partial<Row>;
}

/**
 * The promises of replacement and of frozen periods, over everything that can move a figure: bills of two sources and three months
 * delivered in any order and again, corrections billed a month after they were charged, rulebooks with splits coming into force, months
 * closed and closed anew in between. What is known at the end must be what a fresh database has that was given the final state alone, to
 * the last decimal and the last row; what was closed must still say the same bytes; and the two differ by the adjustments, exactly.
 */
import * as fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import type { RulebookContent } from '../../services/attribution/rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { type Principal, silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { adjustments } from '../../services/periods/adjustments.ts';
import { approveStatement } from '../../services/periods/approve-statement.ts';
import { listStatements, readStatementDocument } from '../../services/periods/list-statements.ts';
import { prepareStatement } from '../../services/periods/prepare-statement.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { costs } from '../../services/reports/costs.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { insertOrigin, insertStagedLoad, pod, rulebook, store } from '../support/billed-charges.ts';
import { createTestDatabase, test } from '../support/database.ts';
import { expectKeptAdjustments } from '../support/kept-adjustments.ts';

/** Each takes a second and a half of processor time; every run of the suite draws others. */
const RUNS = 9;
const START = Date.parse('2026-08-10T00:00:00Z');
const MONTHS = ['2026-05', '2026-06', '2026-07'];
const SOURCES = ['aws', 'oci'];
const PREPARER: Principal = { id: 'ada@example.com', role: 'finance', pods: [] };
const APPROVER: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };
const AFTERWARDS = new Date('2026-11-01T00:00:00Z');

/** Where charges come from; `team` names a pod, or nobody. */
const ORIGINS = [
  { service_name: 'Compute', charge_category: 'Usage', tags: { team: 'checkout' } },
  { service_name: 'Compute', charge_category: 'Usage', tags: { team: 'search' } },
  { service_name: 'Storage', charge_category: 'Usage', tags: { team: 'atlas' } },
  { service_name: 'Storage', charge_category: 'Usage', charge_class: 'Correction', tags: { team: 'search' } },
  { service_name: 'Network', charge_category: 'Usage', resource_id: 'gateway' },
  { service_name: 'Support', charge_category: 'Tax' },
] as const;

const TEAM = { id: 'team', when: { tag: { team: { exists: true } } }, podFromTag: 'team' } as const;
const PODS = [pod('checkout'), pod('search', { aliases: ['atlas'], activeFrom: '2026-06-10' })];

/** Rulebooks that differ as real changes do: an added split, another order, another pod, an alias less. */
const RULEBOOKS: readonly RulebookContent[] = [
  rulebook([TEAM], PODS),
  rulebook([{ id: 'network', when: { serviceName: 'Network' }, split: { method: 'proportional' } }, TEAM], PODS),
  rulebook(
    [
      TEAM,
      { id: 'network', when: { serviceName: 'Network' }, split: { method: 'even', owner: 'checkout' } },
      { id: 'tax', when: { chargeCategory: 'Tax' }, split: { method: 'proportional', basis: 'BilledCost' } },
    ],
    PODS,
  ),
  rulebook(
    [
      { id: 'storage', from: '2026-06-01', when: { serviceName: 'Storage' }, pod: 'checkout' },
      { id: 'network', when: { serviceName: 'Network' }, split: { method: 'proportional' } },
      TEAM,
    ],
    PODS.map((one) => ({ ...one, aliases: [] })),
  ),
];

interface Bill {
  readonly source: string;
  readonly month: string;
  readonly charges: readonly { origin: number; date: string; billed: string; effective: string }[];
}

type Event =
  | { readonly kind: 'deliver'; readonly bill: Bill; readonly deliveredAt: string }
  | { readonly kind: 'rules'; readonly index: number }
  /** Closes the next month in turn, or the last closed one anew. */
  | { readonly kind: 'close'; readonly isAnew: boolean };

const amount = fc
  .tuple(fc.integer({ min: -3_000, max: 9_000 }), fc.constantFrom('', '000001', '5', '333333333333'))
  .map(([units, decimals]) => (decimals === '' ? String(units) : `${units}.${decimals}`));

const bill: fc.Arbitrary<Bill> = fc
  .tuple(fc.constantFrom(...SOURCES), fc.nat({ max: MONTHS.length - 1 }))
  .chain(([source, index]) =>
    fc
      .array(
        fc.record({
          origin: fc.nat({ max: ORIGINS.length - 1 }),
          // Mostly of the billed month; corrections and late usage are of the one before.
          month: fc.constantFrom(index, index, index, Math.max(0, index - 1)),
          day: fc.constantFrom('01', '09', '10', '28'),
          billed: amount,
          effective: amount,
        }),
        { maxLength: 6 },
      )
      .map((charges) => ({
        source,
        month: MONTHS[index] ?? '',
        charges: charges.map(({ month, day, ...charge }) => ({ ...charge, date: `${MONTHS[month]}-${day}` })),
      })),
  );

const delivery: fc.Arbitrary<Event> = fc
  .tuple(bill, fc.nat({ max: 40 }))
  // Deliveries arrive in an order of their own: a later command may bring an older delivery.
  .map(([delivered, hours]) => ({
    kind: 'deliver',
    bill: delivered,
    deliveredAt: new Date(START + hours * 3_600_000).toISOString(),
  }));

const rules: fc.Arbitrary<Event> = fc.nat({ max: RULEBOOKS.length - 1 }).map((index) => ({ kind: 'rules', index }));

const close: fc.Arbitrary<Event> = fc.boolean().map((isAnew) => ({ kind: 'close', isAnew }));

const history = fc.array(
  fc.oneof({ weight: 6, arbitrary: delivery }, { weight: 3, arbitrary: rules }, { weight: 4, arbitrary: close }),
  { minLength: 5, maxLength: 18, size: 'max' },
);

describe('whatever the order of bills, restatements, corrections, rulebooks and closes', () => {
  test('what is known is what a fresh database knows; what is closed stays; adjustments make up the difference', {
    timeout: 900_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(history, async (events) => {
        await withFreshDatabases(async (lived, fresh) => {
          const closed = await live(lived, events);
          await live(fresh, finalState(events));
          expect(await readFigures(lived)).toEqual(await readFigures(fresh));
          expect(await readReports(lived)).toEqual(await readReports(fresh));
          expect(await readClosed(lived, closed)).toEqual(closed);
          expect(await verifyStatements(lived)).toMatchObject({ verified: true, broken: null });
          expect(await readAdjusted(lived)).toEqual(await readKnown(lived));
        });
      }),
      { numRuns: RUNS },
    );
  });
});

/** What a month said when it was closed: the statement's bytes, and the report's. */
interface ClosedMonth {
  readonly month: string;
  readonly statementId: string;
  readonly document: string;
  /** Null once the month was closed anew. */
  readonly report: string | null;
}

/** The last word of each source and month, and of the rules: the latest delivery counts, of equals the one that came last. */
function finalState(events: readonly Event[]): Event[] {
  const current = new Map<string, Event & { kind: 'deliver' }>();
  let inForce: Event | undefined;
  for (const event of events) {
    if (event.kind === 'rules') inForce = event;
    if (event.kind !== 'deliver') continue;
    const key = `${event.bill.source} ${event.bill.month}`;
    const former = current.get(key);
    if (former === undefined || former.deliveredAt <= event.deliveredAt) current.set(key, event);
  }
  return [...(inForce === undefined ? [] : [inForce]), ...current.values()];
}

async function live(db: Kysely<DB>, events: readonly Event[]): Promise<ClosedMonth[]> {
  const closed: ClosedMonth[] = [];
  const originIds: string[] = [];
  for (const origin of ORIGINS) originIds.push(await insertOrigin(db, { provider_name: 'AWS', ...origin }));
  for (const [step, event] of events.entries()) {
    const at = new Date(START + step * 86_400_000);
    if (event.kind === 'deliver') await deliver(db, event, originIds, at);
    else if (event.kind === 'rules') await enforce(db, RULEBOOKS[event.index] as RulebookContent, at);
    else await closeMonth(db, closed, event.isAnew, at);
    await expectKeptAdjustments(db);
  }
  return closed;
}

async function closeMonth(db: Kysely<DB>, closed: ClosedMonth[], isAnew: boolean, at: Date): Promise<void> {
  const months = [...new Set(closed.map((one) => one.month))];
  const period = isAnew ? months.at(-1) : MONTHS[months.length];
  if (period === undefined) return;
  const reasons = { forcedReason: 'the test closes what there is', ...(isAnew ? { reissueReason: 'corrected' } : {}) };
  const { statement } = await db
    .transaction()
    .execute((trx) => prepareStatement(trx, { period, ...reasons, principal: PREPARER, at }));
  const { statementId } = statement;
  await db.transaction().execute((trx) => approveStatement(trx, { statementId, principal: APPROVER, at }));
  for (const [index, one] of closed.entries()) if (one.month === period) closed[index] = { ...one, report: null };
  closed.push({ month: period, statementId, ...(await readMonth(db, period, statementId)) });
}

async function readMonth(db: Kysely<DB>, period: string, statementId: string) {
  return {
    document: await readStatementDocument(db, statementId),
    report: JSON.stringify(await valuePerPod(db, { period, at: AFTERWARDS })),
  };
}

async function readClosed(db: Kysely<DB>, closed: readonly ClosedMonth[]): Promise<ClosedMonth[]> {
  const now: ClosedMonth[] = [];
  for (const { month, statementId, report } of closed) {
    const read = await readMonth(db, month, statementId);
    now.push({ month, statementId, ...read, report: report === null ? null : read.report });
  }
  return now;
}

/** The closed months as their statements have them, with every adjustment added, booked or open. */
async function readAdjusted(db: Kysely<DB>): Promise<unknown> {
  const { lines } = await adjustments(db, { period: '2026', at: AFTERWARDS });
  const standing = (await listStatements(db)).filter(
    (one) => one.kind === 'month' && one.state === 'approved' && one.supersededBy === null,
  );
  const { rows } = await sql`
    select month, pod_id, billing_currency, trim_scale(sum(billed))::text as billed, trim_scale(sum(effective))::text as effective
    from (
      select to_char(charge_date, 'YYYY-MM') as month, pod_id, billing_currency, billed_cost as billed, effective_cost as effective
      from statement_pod_day where kind <> 'owned' and statement_id::text = any(${standing.map((one) => one.statementId)})
      union all
      select month, pod_id, currency, billed::numeric, effective::numeric
      from unnest(${lines.map((line) => line.adjusts)}::text[], ${lines.map((line) => line.podId)}::text[],
        ${lines.map((line) => line.currency)}::text[], ${lines.map((line) => line.billedCost)}::text[],
        ${lines.map((line) => line.effectiveCost)}::text[]) as line (month, pod_id, currency, billed, effective)
    ) as part
    group by 1, 2, 3 having sum(billed) <> 0 or sum(effective) <> 0 order by 1, 2, 3
  `.execute(db);
  return rows;
}

/** The same months as they are known now. */
async function readKnown(db: Kysely<DB>): Promise<unknown> {
  const { rows } = await sql`
    select to_char(charge_date, 'YYYY-MM') as month, pod_id, billing_currency, trim_scale(sum(billed_cost))::text as billed,
      trim_scale(sum(effective_cost))::text as effective
    from pod_day
    where kind <> 'owned' and exists (
      select from statement where kind = 'month' and state = 'approved' and period_start <= charge_date and period_end > charge_date)
    group by 1, 2, 3 having sum(billed_cost) <> 0 or sum(effective_cost) <> 0 order by 1, 2, 3
  `.execute(db);
  return rows;
}

async function deliver(
  db: Kysely<DB>,
  { bill: { source, month, charges }, deliveredAt }: Event & { kind: 'deliver' },
  originIds: readonly string[],
  at: Date,
): Promise<void> {
  const end = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 1)).toISOString().slice(0, 10);
  const loadId = await insertStagedLoad(db, {
    sourceId: source,
    start: `${month}-01`,
    end,
    deliveredAt,
    charges: charges.map(({ origin, ...charge }) => ({ ...charge, originId: originIds[origin] ?? '' })),
  });
  await attachLoad(db, loadId);
  await publishLoad(db, loadId, { at, principal: systemPrincipal });
}

async function enforce(db: Kysely<DB>, content: RulebookContent, at: Date): Promise<void> {
  const rulebookId = await db.transaction().execute((trx) => store(trx, content));
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, { at, principal: systemPrincipal }));
}

/** The figures as they are stored, with loads by their source and billing period instead of their number. */
async function readFigures(db: Kysely<DB>): Promise<unknown> {
  const days = await sql`
    select charge_date, pod_id, kind, billing_currency, trim_scale(billed_cost)::text as billed, trim_scale(effective_cost)::text as effective,
      trim_scale(list_cost)::text as list, trim_scale(contracted_cost)::text as contracted
    from pod_day order by 1, 2, 3, 4
  `.execute(db);
  const shares = await sql`
    select source_id, billing_period_start, charge_date, rule_id, owner_pod_id, pod_id, service_name, charge_category,
      trim_scale(billed_cost)::text as billed, trim_scale(effective_cost)::text as effective
    from shared_cost join load on load.id = load_id order by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
  `.execute(db);
  return { days: days.rows, shares: shares.rows };
}

/** The reports of everything known now, without what tells the two histories apart (numbers of rulebooks and statements). */
async function readReports(db: Kysely<DB>): Promise<unknown> {
  const request = { at: AFTERWARDS, period: '2026', asNow: true };
  const byPod = await costs(db, { ...request, by: ['month', 'pod', 'kind', 'rule', 'serviceName', 'chargeCategory'] });
  const byTag = await costs(db, { ...request, by: ['tag.team', 'chargeClass', 'pod'] });
  const value = await valuePerPod(db, request);
  const { pods, unattributed, total, coverage } = value.asNow ?? value;
  return [byPod.asNow ?? byPod, byTag.asNow ?? byTag]
    .map(({ rows, total: whole }): unknown => [rows, whole])
    .concat([pods.map(({ adjustments: _booked, ...row }) => row), unattributed, total, coverage]);
}

async function withFreshDatabases(work: (lived: Kysely<DB>, fresh: Kysely<DB>) => Promise<void>): Promise<void> {
  const [lived, fresh] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  try {
    await work(lived.db, fresh.db);
  } finally {
    await Promise.all([lived.drop(), fresh.drop()]);
  }
}

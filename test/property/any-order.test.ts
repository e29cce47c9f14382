/**
 * The promise of replacement, over everything that can move a figure: bills of two sources and three months delivered in any order
 * and again, corrections billed a month after they were charged, and rulebooks with splits coming into force in between. What stands at
 * the end must be what a fresh database has that was given the final state alone, to the last decimal and the last row.
 */
import * as fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import type { RulebookContent } from '../../services/attribution/rulebook.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { costs } from '../../services/reports/costs.ts';
import { insertOrigin, insertStagedLoad, pod, rulebook, store } from '../support/billed-charges.ts';
import { createTestDatabase, test } from '../support/database.ts';

const RUNS = 12;
const START = Date.parse('2026-08-10T00:00:00Z');
const MONTHS = ['2026-05', '2026-06', '2026-07'];
const SOURCES = ['aws', 'oci'];

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
  | { readonly kind: 'rules'; readonly index: number };

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

const history = fc.array(fc.oneof({ weight: 3, arbitrary: delivery }, { weight: 2, arbitrary: rules }), {
  minLength: 4,
  maxLength: 14,
  size: 'max',
});

describe('whatever the order of bills, restatements, corrections and rulebooks', () => {
  test('the figures are those of a fresh database that was given the final state', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(history, async (events) => {
        await withFreshDatabases(async (lived, fresh) => {
          await live(lived, events);
          await live(fresh, finalState(events));
          expect(await readFigures(lived)).toEqual(await readFigures(fresh));
          expect(await readReports(lived)).toEqual(await readReports(fresh));
        });
      }),
      { numRuns: RUNS },
    );
  });
});

/** The last word of each source and month, and of the rules: the latest delivery counts, of equals the one that came last. */
function finalState(events: readonly Event[]): Event[] {
  const current = new Map<string, Event & { kind: 'deliver' }>();
  let inForce: Event | undefined;
  for (const event of events) {
    if (event.kind === 'rules') {
      inForce = event;
      continue;
    }
    const key = `${event.bill.source} ${event.bill.month}`;
    const former = current.get(key);
    if (former === undefined || former.deliveredAt <= event.deliveredAt) current.set(key, event);
  }
  return [...(inForce === undefined ? [] : [inForce]), ...current.values()];
}

async function live(db: Kysely<DB>, events: readonly Event[]): Promise<void> {
  const originIds: string[] = [];
  for (const origin of ORIGINS) originIds.push(await insertOrigin(db, { provider_name: 'AWS', ...origin }));
  for (const [step, event] of events.entries()) {
    const at = new Date(START + step * 86_400_000);
    if (event.kind === 'deliver') await deliver(db, event, originIds, at);
    else await enforce(db, RULEBOOKS[event.index] as RulebookContent, at);
  }
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

async function readReports(db: Kysely<DB>): Promise<unknown> {
  const request = { at: new Date('2026-11-01T00:00:00Z'), period: '2026' };
  const byPod = await costs(db, { ...request, by: ['month', 'pod', 'kind', 'rule', 'serviceName', 'chargeCategory'] });
  const byTag = await costs(db, { ...request, by: ['tag.team', 'chargeClass', 'pod'] });
  return [byPod.rows, byPod.total, byTag.rows, byTag.total];
}

async function withFreshDatabases(work: (lived: Kysely<DB>, fresh: Kysely<DB>) => Promise<void>): Promise<void> {
  const [lived, fresh] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  try {
    await work(lived.db, fresh.db);
  } finally {
    await Promise.all([lived.drop(), fresh.drop()]);
  }
}

/**
 * Billing periods whose lines lie in more than one delivery, or in that of another period: a provider that cuts its exports by calendar
 * month and bills from the 15th to the 14th delivers every billing period in two halves. Such a period is whole only together, so its
 * lines are gathered from all deliveries and replace it in one step (ADR 33).
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { InspectedFile } from '../billing/inspected-file.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';
import type { FetchedFile } from './fetched-files.ts';
import { readNewestLoads } from './newest-loads.ts';

interface BillingPeriod {
  readonly start: IsoDate;
  readonly end: IsoDate;
}

/** Of one delivery everything that was read, now or before. */
export interface ReceivedDelivery {
  /** Which period the delivery says it is of. */
  readonly period: BillingPeriod;
  readonly files: readonly InspectedFile[];
}

export interface GatheredPeriod<Delivery extends ReceivedDelivery> {
  readonly period: BillingPeriod;
  /** Those that bill it, in the order given. */
  readonly deliveries: readonly Delivery[];
  /** Their files, each with only what it bills of this period. */
  readonly files: readonly InspectedFile[];
}

const nameOf = ({ start, end }: BillingPeriod) => billingPeriodName(start, end);

/** Whether a delivery bills its own period and no other delivery that is known bills it, too: it is then registered by itself. */
export function standsAlone(delivery: ReceivedDelivery, known: Iterable<FetchedFile>): boolean {
  const own = nameOf(delivery.period);
  if (delivery.files.some(({ periods }) => periods.some((period) => nameOf(period) !== own))) return false;
  for (const { delivered, inspected } of known) {
    if (delivered === null || nameOf(delivered) === own) continue;
    if (inspected.periods.some((period) => nameOf(period) === own)) return false;
  }
  return true;
}

/**
 * The periods that entangled deliveries bill, ascending, each with all that was received of it; and of those that are left as they are
 * published, why: a delivery that the published load has lines of was not received.
 */
export async function gatherSpreadPeriods<Delivery extends ReceivedDelivery>(
  db: Kysely<DB>,
  given: {
    readonly sourceId: string;
    readonly place: string;
    readonly received: readonly Delivery[];
    /** Those of them that do not stand alone. */
    readonly entangled: readonly Delivery[];
    readonly known: Iterable<FetchedFile>;
    /** Somebody said that what is there now may replace what was. */
    readonly mayDrop: boolean;
  },
): Promise<{ periods: GatheredPeriod<Delivery>[]; told: string[] }> {
  const spread = periodsOf(given);
  if (spread.length === 0) return { periods: [], told: [] };
  const delivered = new Set(
    given.received.flatMap(({ period, files }) => (files.length === 0 ? [] : [nameOf(period)])),
  );
  const published = given.mayDrop ? [] : await readNewestLoads(db, { ...given, period: null });
  const deliveryOf = new Map([...given.known].map((file) => [file.inspected.sha256, file.delivered]));
  const missingOf = (period: BillingPeriod) => {
    const load = published.find((candidate) => nameOf(candidate) === nameOf(period));
    const names = (load?.files ?? []).flatMap(({ sha256 }) => {
      const delivery = deliveryOf.get(sha256) ?? null;
      return delivery === null || delivered.has(nameOf(delivery)) ? [] : [nameOf(delivery)];
    });
    return [...new Set(names)].sort();
  };
  const periods: GatheredPeriod<Delivery>[] = [];
  const told: string[] = [];
  for (const found of spread) {
    const missing = missingOf(found.period);
    if (missing.length === 0) periods.push(found);
    else told.push(describe(nameOf(found.period), missing, given.sourceId));
  }
  return { periods, told };
}

function periodsOf<Delivery extends ReceivedDelivery>({
  received,
  entangled,
}: {
  readonly received: readonly Delivery[];
  readonly entangled: readonly Delivery[];
}): GatheredPeriod<Delivery>[] {
  const billed = entangled.flatMap(({ period, files }) => [period, ...files.flatMap((file) => file.periods)]);
  const periods = new Map(billed.map(({ start, end }) => [nameOf({ start, end }), { start, end }]));
  return [...periods.entries()]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, period]) => {
      const deliveries = received.filter((delivery) => linesOf(delivery, name).length > 0);
      return { period, deliveries, files: deliveries.flatMap((delivery) => linesOf(delivery, name)) };
    })
    .filter(({ files }) => files.length > 0);
}

/** A file that has only a header is of the period its delivery says. */
function linesOf(delivery: ReceivedDelivery, name: string): InspectedFile[] {
  return delivery.files.flatMap((file) => {
    if (file.periods.length === 0) return nameOf(delivery.period) === name ? [file] : [];
    const periods = file.periods.filter((period) => nameOf(period) === name);
    return periods.length === 0 ? [] : [{ ...file, periods }];
  });
}

function describe(period: string, missing: readonly string[], sourceId: string): string {
  return `${period} is billed by the deliveries of other periods, too, and that of ${missing.join(', ')} is not there or not complete; its charges stay as published until it is, or until somebody asks for what is left (outturn ingest --source ${sourceId} --replace, mayDropAccounts over HTTP)`;
}

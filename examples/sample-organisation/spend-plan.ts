/**
 * What the bills are built to come to, before noise: EffectiveCost by pod and date range, in cents of US dollars. Envelopes and
 * outcomes are sized by it, so that the same three envelopes are crossed on whichever day the sample is made.
 * All integers: a plan in floats would differ between machines in its last digit, and so would the file.
 */
import { addDays, daysBetween, type IsoDate } from '../../services/kernel/period.ts';
import { dollarsPerEuroTenThousandths } from './exchange-rates.ts';
import { listResources, type SampleResource, WEEKEND_BP } from './resources.ts';
import { isWeekend, type SampleCalendar } from './sample-calendar.ts';

const PPM = 1_000_000n;
const TEN_THOUSAND = 10_000n;
const NANO_PER_CENT = 10_000_000n;

/** Growth of a drifting resource per week of the sample, in millionths: one percent a week, compounded. */
export function driftPpm(weeks: number): bigint[] {
  const factors = [PPM];
  while (factors.length < weeks) factors.push(((factors.at(-1) ?? PPM) * 101n) / 100n);
  return factors;
}

export interface SpendPlan {
  /** Planned EffectiveCost in US cents of a pod (null: whatever no pod gets directly) from `start` until before `end`. */
  centsOf(pod: string | null, start: IsoDate, end: IsoDate): bigint;
}

/** Plans every day from the first charge to the end of the current quarter, as if all of it were to come. */
export function planSpend(calendar: SampleCalendar): SpendPlan {
  const resources = listResources(calendar);
  const byPod = Map.groupBy(resources, (resource) => resource.pod);
  const weeks = Math.ceil(daysBetween(calendar.start, calendar.quarters[3].end) / 7);
  const drift = driftPpm(weeks);
  return {
    centsOf(pod, start, end) {
      let nano = 0n;
      for (let date = start; date < end; date = addDays(date, 1)) {
        const week = Math.floor(daysBetween(calendar.start, date) / 7);
        for (const resource of byPod.get(pod) ?? []) {
          if (isAlive(resource, date, calendar)) nano += plannedNano(resource, date, drift[week] ?? PPM);
        }
      }
      return nano / NANO_PER_CENT;
    },
  };
}

/** A resource that lives until today is planned to live on. */
function isAlive(resource: SampleResource, date: IsoDate, calendar: SampleCalendar): boolean {
  return date >= resource.from && (date < resource.until || resource.until === calendar.end);
}

function plannedNano(resource: SampleResource, date: IsoDate, driftFactorPpm: bigint): bigint {
  const { service } = resource;
  let nano = resource.perDayNano;
  if (resource.drifts) nano = (nano * driftFactorPpm) / PPM;
  if (service.rests === true && isWeekend(date)) nano = (nano * WEEKEND_BP) / TEN_THOUSAND;
  if (service.creditBp !== undefined) nano = (nano * (TEN_THOUSAND - service.creditBp)) / TEN_THOUSAND;
  return resource.cloud === 'azure' ? (nano * dollarsPerEuroTenThousandths(date)) / TEN_THOUSAND : nano;
}

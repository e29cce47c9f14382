/**
 * The sample's envelopes. Most leave room for the whole quarter; three are sized by what is planned until yesterday, so that on whichever day
 * the sample is made, checkout is near its limit, insights over it and mobile far over it.
 */
import { addDays, type Period } from '../../services/kernel/period.ts';
import { SAMPLE_PODS, SAMPLE_PORTFOLIOS, financePartnerOf, samplePod } from './company.ts';
import { dollarsPerEuroTenThousandths } from './exchange-rates.ts';
import type { SampleCalendar } from './sample-calendar.ts';
import type { SpendPlan } from './spend-plan.ts';

export interface SampleEnvelope {
  /** As the file writes it: `pod: checkout`, `portfolio: commerce`, `organisation: true`, `unattributed: true`. */
  readonly scope: string;
  readonly period: string;
  readonly limit: string;
  readonly currency: 'USD' | 'EUR';
  readonly approvedBy: string;
  readonly approvedAt: string;
  readonly approval: string;
}

/** Pods whose crossing is part of the story, and the share of the limit they have used, in percent. */
const CROSSED_PODS: Readonly<Record<string, bigint>> = { checkout: 87n, insights: 114n, mobile: 166n };

/** Pods that have their envelope from a pattern instead. */
const PATTERN_PODS: readonly string[] = ['pricing', 'loyalty'];

/** A whole quarter's plan, and a third on top. */
const HEADROOM_PERCENT = 135n;
const CLOUD_OFFICE_LIMIT_CENTS = 1_500_000n;
const MARKETPLACE_CENTS_A_QUARTER = 195_000n;

/** Envelopes of the former and of the current quarter. */
export function listSampleEnvelopes(calendar: SampleCalendar, plan: SpendPlan): SampleEnvelope[] {
  const [, , former, current] = calendar.quarters;
  const explicit = SAMPLE_PODS.map((pod) => pod.id).filter((id) => !PATTERN_PODS.includes(id));
  let number = 1200;
  const envelope = (
    scope: string,
    period: Period,
    cents: bigint,
    partner: string,
    currency: 'USD' | 'EUR' = 'USD',
  ): SampleEnvelope => {
    const approvedAt = addDays(period.start, -12);
    const inCurrency = currency === 'EUR' ? (cents * 10_000n) / dollarsPerEuroTenThousandths(approvedAt) : cents;
    number += 7;
    const approval = `FIN-${number}`;
    return {
      scope,
      period: period.id,
      limit: roundLimit(inCurrency),
      currency,
      approvedBy: partner,
      approvedAt,
      approval,
    };
  };
  const ofPod = (id: string, period: Period, cents: bigint): SampleEnvelope =>
    envelope(`pod: ${id}`, period, cents, financePartnerOf(samplePod(id)), id === 'fulfilment' ? 'EUR' : 'USD');
  const [commerce] = SAMPLE_PORTFOLIOS;
  const all = [null, ...SAMPLE_PODS.map((pod) => pod.id)].reduce(
    (sum, id) => sum + plan.centsOf(id, current.start, current.end),
    0n,
  );
  const unattributed = plan.centsOf(null, current.start, current.end);
  return [
    ...explicit
      .filter((id) => CROSSED_PODS[id] === undefined)
      .map((id) => ofPod(id, former, roomyCents(plan, id, former))),
    ...explicit.map((id) => {
      const usedPercent = CROSSED_PODS[id];
      if (usedPercent === undefined) return ofPod(id, current, roomyCents(plan, id, current));
      return ofPod(id, current, (plan.centsOf(id, current.start, calendar.end) * 100n) / usedPercent);
    }),
    ...(commerce === undefined
      ? []
      : [
          envelope(
            `portfolio: ${commerce.id}`,
            current,
            portfolioCents(plan, commerce.id, current),
            commerce.financePartner,
          ),
        ]),
    envelope('organisation: true', current, withHeadroom(all + CLOUD_OFFICE_LIMIT_CENTS), 'luca@example.com'),
    envelope('unattributed: true', current, withHeadroom(unattributed), 'luca@example.com'),
  ];
}

function roomyCents(plan: SpendPlan, pod: string, period: Period): bigint {
  if (pod === 'cloud-office') return CLOUD_OFFICE_LIMIT_CENTS;
  const own = plan.centsOf(pod, period.start, period.end);
  // Platform answers for the shared network, which the plan counts among what no pod gets directly.
  const owned = pod === 'platform' ? plan.centsOf(null, period.start, period.end) : 0n;
  return withHeadroom(own + owned + MARKETPLACE_CENTS_A_QUARTER);
}

function portfolioCents(plan: SpendPlan, portfolio: string, period: Period): bigint {
  const pods = SAMPLE_PODS.filter((pod) => pod.portfolio === portfolio);
  return withHeadroom(pods.reduce((sum, pod) => sum + plan.centsOf(pod.id, period.start, period.end), 0n));
}

function withHeadroom(cents: bigint): bigint {
  return (cents * HEADROOM_PERCENT) / 100n;
}

/** Round as a budget is: to hundreds where it is large, to tens or units where the quarter has just begun. */
function roundLimit(cents: bigint): string {
  const units = cents / 100n;
  let step = 1n;
  if (units >= 20_000n) step = 100n;
  else if (units >= 2_000n) step = 10n;
  return `${((units + step / 2n) / step) * step}.00`;
}

/**
 * The detail of a value report under its table: what each pod had since its start, how old its claims are, what a unit cost, what was verified by
 * basis, and what was taken back with its reason.
 */
import type { ValuePerPod, ValuePerPodRow } from '../../services/reports/compose-value.ts';
import { add, type Decimal, isZero, ZERO } from '../../services/kernel/decimal.ts';
import { roundParts, roundPartsTo } from '../../services/kernel/round-parts.ts';
import { asMoney, asReturn, cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

const POD_WIDTH_MAX = 20;
const TITLE_WIDTH_MAX = 32;
const REASON_WIDTH_MAX = 60;
/** The bases of which the return is made; gross revenue beside it has another name. */
const ENTERING = new Set(['cost_reduction', 'revenue']);

/** Lines; none without a detail. */
export function renderValueDetail(report: ValuePerPod): string[] {
  if (report.detailMethod === undefined) return [];
  const heads = [
    'pod',
    'since',
    `cost ${report.currency}`,
    'verified',
    'return',
    'payback',
    'oldest claim',
    'cost per outcome',
  ];
  const sinceStart = textTable(heads, report.pods.map(sinceStartOf), [2, 3, 4, 6]);
  const ageHeads = ['claimed, by days', '0–30', '31–60', '61–90', 'over 90', 'confidence A/B/C/D/none'];
  const ages = textTable(ageHeads, agesOf(report), [1, 2, 3, 4, 5]);
  return [
    sinceStart,
    '',
    ...(report.pods.some(hasOutcomes) ? [ages, ''] : []),
    ...byBasis(report),
    ...(report.retractions ?? []).map(retracted),
    `Detail: ${report.detailMethod}; figures since the start are rounded one by one, others so that they add up.`,
    '',
  ];
}

type Retraction = NonNullable<ValuePerPod['retractions']>[number];

function retracted(retraction: Retraction): string {
  const { podId, title, retractedAt, reason } = retraction;
  const whose = [podId ?? 'nobody', ...countedOf(retraction)].join(', ');
  return `Retracted ${retractedAt.slice(0, 10)}: ${cutTo(title, TITLE_WIDTH_MAX)} (${whose}): ${cutTo(reason, REASON_WIDTH_MAX)}`;
}

function countedOf({ amount, verified, currency }: Retraction): string[] {
  if (amount === null || verified === null || currency === null) return [];
  const counted = `${asMoney(amount)} ${currency}`;
  if (isZero(verified)) return [`${counted} claimed`];
  return verified === amount ? [`${counted} verified`] : [counted, `${asMoney(verified)} of it verified`];
}

function hasOutcomes({ detail }: ValuePerPodRow): boolean {
  return Object.values(detail?.confidence ?? {}).some((count) => count > 0);
}

function sinceStartOf({ podId, kind, detail }: ValuePerPodRow): string[] {
  const { cumulative = null, paybackMonth = null, costPerOutcome = null, claims } = detail ?? {};
  const oldest = claims?.oldestDays ?? null;
  return [
    cutTo(podId, POD_WIDTH_MAX),
    cumulative?.since ?? 'n/a',
    cumulative === null ? 'n/a' : asMoney(cumulative.cost),
    cumulative === null ? 'n/a' : asMoney(cumulative.verified),
    kind === 'platform' ? 'n/a: enabling' : asReturn(cumulative?.return ?? null),
    paybackMonth ?? 'n/a',
    oldest === null ? 'n/a' : `${oldest} d`,
    costPerOutcome === null ? 'n/a' : `${withThousands(costPerOutcome.cost)} per ${cutTo(costPerOutcome.unit, 10)}`,
  ];
}

/** A pod's ages add up to its claimed value as the table of pods prints it. */
function agesOf({ pods, unattributed }: ValuePerPod): string[][] {
  const claimed = roundParts([...pods.map(({ value }) => value.claimed), unattributed.claimed]).parts;
  return pods.flatMap((pod, index) => (hasOutcomes(pod) ? [agesOfPod(pod, claimed[index] ?? '0.00')] : []));
}

function agesOfPod({ podId, detail }: ValuePerPodRow, claimed: string): string[] {
  const { claims, confidence = {} } = detail ?? {};
  const byAge = claims?.byAge ?? [];
  const values = roundPartsTo(
    byAge.map(({ value }) => value),
    claimed,
    2,
  );
  return [
    cutTo(podId, POD_WIDTH_MAX),
    ...byAge.map(({ outcomes }, index) =>
      outcomes === 0 ? '–' : `${withThousands(values[index] ?? '')} (${outcomes})`,
    ),
    ['A', 'B', 'C', 'D', 'none'].map((grade) => confidence[grade] ?? 0).join('/'),
  ];
}

/** What enters the return adds up to the verified value of the table. */
function byBasis({ pods, unattributed }: ValuePerPod): string[] {
  const all = new Map<string, Decimal>();
  for (const part of [...pods.map(({ value }) => value.verifiedByBasis), unattributed.verifiedByBasis]) {
    for (const [basis, amount] of Object.entries(part ?? {})) all.set(basis, add(all.get(basis) ?? ZERO, amount));
  }
  if (all.size === 0) return [];
  const bases = [...all.keys()].sort((left, right) => (left < right ? -1 : 1));
  const entering = bases.filter((basis) => ENTERING.has(basis));
  const { parts } = roundParts(entering.map((basis) => all.get(basis) ?? ZERO));
  const amountOf = (basis: string) =>
    ENTERING.has(basis) ? withThousands(parts[entering.indexOf(basis)] ?? '') : asMoney(all.get(basis) ?? ZERO);
  const words = bases.map((basis) => `${basis.replaceAll('_', ' ')} ${amountOf(basis)}`);
  return [`Verified by basis: ${words.join(', ')}.`];
}

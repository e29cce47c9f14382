/**
 * Writes the outcomes as the CSV that `outturn outcomes import` reads. Amounts are round, as people state them; baseline, evidence and
 * verifier are there where an outcome is verified, and the verifier is the finance partner, never the owner.
 */
import { addDays, daysBetween } from '../../services/kernel/period.ts';
import { financePartnerOf, samplePod } from './company.ts';
import { dollarsPerEuroTenThousandths } from './exchange-rates.ts';
import { listSampleOutcomes, type SampleOutcome } from './outcome-list.ts';
import { dayOfQuarter, type SampleCalendar } from './sample-calendar.ts';
import type { SpendPlan } from './spend-plan.ts';

const HEADER =
  'source_row_id,pod,outcome_type,title,delivered_on,quantity,unit,basis,gross_or_margin,amount,currency,recognise_from,recognise_until,share_bp,owner_email,baseline,evidence_url,state,verified_by,own_bill_baseline,amount_low,amount_high';
const TEN_THOUSAND = 10_000n;

/** The file `outcomes.csv`: several rows with one `source_row_id` are the shares of one outcome. */
export function outcomesCsv(calendar: SampleCalendar, plan: SpendPlan): string {
  const rows = listSampleOutcomes().flatMap((outcome, index) => outcomeRows(calendar, plan, outcome, index + 1));
  return `${[HEADER, ...rows].join('\n')}\n`;
}

function outcomeRows(calendar: SampleCalendar, plan: SpendPlan, outcome: SampleOutcome, number: number): string[] {
  const [firstPod = ''] = Object.keys(outcome.shares);
  const lead = samplePod(firstPod);
  const quarter = calendar.quarters[outcome.quarter];
  const deliveredOn = dayOfQuarter(calendar, quarter, outcome.percent);
  const isMoney = outcome.basis !== 'unit_outcome';
  const until = isMoney ? addDays(deliveredOn, outcome.weeks * 7) : '';
  const rowId = `LF-${String(number).padStart(3, '0')}`;
  const pods = Object.entries(outcome.shares);
  const amount = isMoney ? amountText(plan, calendar, outcome, firstPod, deliveredOn) : '';
  return pods.map(([pod, shareBp]) =>
    [
      rowId,
      pod,
      outcome.outcomeType,
      outcome.title,
      deliveredOn,
      outcome.perDay === null ? '' : String(outcome.perDay * (daysBetween(quarter.start, deliveredOn) + 1)),
      outcome.unit,
      outcome.basis,
      outcome.basis === 'revenue' ? 'margin' : '',
      amount,
      isMoney ? outcome.currency : '',
      isMoney ? deliveredOn : '',
      until,
      pods.length === 1 ? '' : String(shareBp),
      lead.owner,
      outcome.isVerified ? baselineText(outcome, quarter.id) : '',
      outcome.isVerified ? `https://wiki.example.com/outcomes/${rowId.toLowerCase()}` : '',
      outcome.isVerified ? 'verified' : 'claimed',
      outcome.isVerified ? financePartnerOf(lead) : '',
      outcome.isVerified && outcome.basis === 'cost_reduction' ? 'no' : '',
      ...(outcome.basis === 'risk_reduced' ? rangeAround(amount) : ['', '']),
    ]
      .map(csvCell)
      .join(','),
  );
}

/** The outcome's share of what its first pod's cloud is planned to cost in as many weeks, rounded as people round. */
function amountText(
  plan: SpendPlan,
  calendar: SampleCalendar,
  outcome: SampleOutcome,
  pod: string,
  deliveredOn: string,
): string {
  const { start, end } = calendar.quarters[outcome.quarter];
  const days = BigInt(daysBetween(start, end));
  const cents = (plan.centsOf(pod, start, end) * BigInt(outcome.weeks * 7) * outcome.valueBp) / (days * TEN_THOUSAND);
  const inCurrency =
    outcome.currency === 'EUR' ? (cents * TEN_THOUSAND) / dollarsPerEuroTenThousandths(deliveredOn) : cents;
  const units = inCurrency / 100n;
  const step = units >= 20_000n ? 500n : 100n;
  return `${((units + step / 2n) / step) * step}.00`;
}

/** Half of it to half as much again. */
function rangeAround(amount: string): [low: string, high: string] {
  const units = BigInt(amount.replace(/\.00$/, ''));
  return [`${units / 2n}.00`, `${units + units / 2n}.00`];
}

function baselineText(outcome: SampleOutcome, quarterId: string): string {
  const measured: Record<SampleOutcome['basis'], string> = {
    revenue: 'control group of 10 %, eight weeks before',
    cost_reduction: 'invoices of the twelve months before',
    cost_avoided: 'signed quotation',
    risk_reduced: "auditor's estimate of the loss",
    capacity_released: 'time study, two weeks before and after',
    unit_outcome: 'order system, count of the quarter',
  };
  return `${measured[outcome.basis]} (${quarterId})`;
}

function csvCell(value: string): string {
  return /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

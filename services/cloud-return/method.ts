/** What the figures rest on: definitions, rates, statements and data, so that a reader of the last page can hold every page against it. */
import type { CostMetric } from '../attribution/rulebook.ts';
import { roundForPresentation } from '../kernel/decimal.ts';
import type { Bridge } from './bridge.ts';
import type { FormerQuarter } from './quarter.ts';
import type { CloudReturn } from './shape.ts';
import { partOf } from './wording.ts';
import { RETURN_METHOD, type ValuePerPod } from '../reports/compose-value.ts';

/** Of exchange rates where people read them; `rates` of a bridge are exact. */
const RATE_PLACES = 6;
/** What FOCUS means by each metric, in a sentence. */
const METRICS_READ: Readonly<Record<CostMetric, string>> = {
  BilledCost: ' It is what was invoiced, commitments when they were bought.',
  EffectiveCost: ' It is what was used, with discounts and with commitments spread over what they cover.',
  ListCost: ' It is what was used at public prices, before any discount.',
  ContractedCost: ' It is what was used at negotiated prices, without commitments.',
};

/** The method of a quarter's report. */
export function methodOf(
  report: ValuePerPod,
  given: { former: readonly FormerQuarter[]; costBridge: Bridge | null; valueBridge: Bridge | null },
): CloudReturn['method'] {
  const reports = [report, ...given.former.flatMap(({ quarter }) => quarter?.report ?? [])];
  const { costMetric, currency, revenueBasis } = report;
  return {
    returnScope: RETURN_METHOD,
    statements: reports.map(({ period, statementId, state }) => ({ period: period.id, statementId, state })),
    notes: [
      `Cost is ${costMetric} by charge date in ${currency}, each day at its own exchange rate.${METRICS_READ[costMetric]}`,
      `Return is verified value recognised in the quarter divided by the cost of the same days; revenue enters as ${revenueBasis}. Value that shows beside the return is never in it.`,
      'A verified return is on attributed spend; both coverages stand beside it: the share of cost that rules give to pods, and the share of cost of pods with a verified outcome, be it a harm, which counts below nothing.',
      'Outcomes that several pods share are what each pod contributed to. Outcomes are added up once, then split.',
      ...toDateNote(given.costBridge),
      'Cost bridge: usage is the change of quantity at last quarter’s unit cost, rate the change of unit cost at this quarter’s quantity, by SKU and unit. What has no quantity is not told apart.',
      'Value bridge: schedules running on or off are what last quarter’s recognise more or less by themselves; the other steps are what became of the outcomes since.',
      ...ratesNote('cost', given.costBridge),
      ...ratesNote('value', given.valueBridge),
      'Unit cost is the cost of the pods that delivered verified units of a type, divided by these units; a pod with several types counts in each.',
      'Corrections of closed quarters are adjustments: shown, and in no figure of the quarter.',
    ],
  };
}

function toDateNote(bridge: Bridge | null): string[] {
  if (bridge?.through === undefined) return [];
  return [
    `The quarter goes on: it is held against as many days of ${bridge.from}, and of a year ago, everywhere but in the scorecard, whose other quarters are whole.`,
  ];
}

function ratesNote(name: string, bridge: Bridge | null): string[] {
  if (bridge === null || bridge.rates.length === 0) return [];
  const rates = bridge.rates
    .map(({ currency, rate }) => `${currency} ${roundForPresentation(rate, RATE_PLACES)}`)
    .join(', ');
  return [
    `Other currencies stand in every step of the ${name} bridge but exchange rates at the average of ${partOf(bridge.from, bridge.through)}: ${rates}.`,
  ];
}

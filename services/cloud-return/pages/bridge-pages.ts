/** Scorecard and bridges as tables. */
import { type Decimal, decimal, isZero, roundForPresentation, subtract, sum, ZERO } from '../../kernel/decimal.ts';
import type { Bridge } from '../bridge.ts';
import type { CostStep } from '../cost-bridge.ts';
import type { CloudReturn, QuarterFigures } from '../shape.ts';
import type { ValueStep } from '../value-bridge.ts';
import { partOf, soFar, STEP_NAMES } from '../wording.ts';
import { asFigure, asPercent, asReturn, footingTo, type PageSection, placesFor, signed } from './page-table.ts';

/** The asked quarter and the year before it, as many as a page is wide. */
const QUARTERS_SHOWN = 5;
const RETRACTIONS_SHOWN = 5;
const COST_STEPS_READ =
  'Restatement: what bills of the former quarter became after it was closed. Usage: more or less of the same, at what a unit cost then. Rate: another price of a unit, discounts included. Charges without a quantity: tax, support and fees. Newly and no longer bought: what only one of the two has.';
const VALUE_STEPS_READ =
  'Schedules running on or off: what the outcomes of then recognise more or less by themselves. Rejected, or verified in part: finance took it back. Back to claimed: its content changed. Superseded: another outcome stands for it. Restated: another amount, schedule or currency. Re-attribution: other shares of pods.';

export function scorecardSection(found: CloudReturn): PageSection {
  const { scorecard, currency, summary } = found;
  const quarters = scorecard.slice(0, QUARTERS_SHOWN);
  const places = placesFor(summary.figures.cost);
  const row = (name: string, cell: (quarter: QuarterFigures) => string) => [name, ...quarters.map(cell)];
  return {
    title: 'Scorecard',
    lead: [],
    table: {
      heads: [currency, ...quarters.map(({ period }, index) => (index === 0 ? soFar(found) : period))],
      figures: quarters.map((_, index) => index + 1),
      rows: [
        row('Cost', ({ cost }) => asFigure(cost, places)),
        row('Verified value', ({ verified }) => asFigure(verified, places)),
        row('Claimed, not verified', ({ claimed }) => asFigure(claimed, places)),
        row('Verified return on attributed spend', (quarter) => asReturn(quarter.return)),
        row('  attributed share of cost', ({ coverage }) => asPercent(coverage.cost)),
        row('  share of cost of pods with a verified outcome', ({ coverage }) => asPercent(coverage.joined)),
        row('Verified return on all spend', ({ returnOnTotal }) => asReturn(returnOnTotal)),
        row('Closed by', ({ state, statementId }) =>
          statementId === null ? STATE_NAMES[state] : `statement ${statementId}`,
        ),
      ],
      totals: 0,
    },
    notes: ['Each ratio is read with the two shares under it. Cloud cost only; people and licences excluded.'],
  };
}

const STATE_NAMES: Readonly<Record<QuarterFigures['state'], string>> = {
  open: 'not yet',
  mixed: 'in part',
  closed: 'its months',
};

export function costBridgeSection(found: CloudReturn): PageSection {
  const section = bridgeSection('What moved the cost', found, found.costBridge);
  const { costBridge, currency } = found;
  if (costBridge === null) return section;
  const places = placesFor(found.summary.figures.cost);
  return {
    ...section,
    notes: [
      `${COST_STEPS_READ} ${section.notes.join(' ')}`,
      ...driverNotes(costBridge, places),
      movedNote(costBridge, 'rules', currency, places),
    ],
  };
}

export function valueBridgeSection(found: CloudReturn): PageSection {
  const section = bridgeSection('What moved the verified value', found, found.valueBridge);
  const { valueBridge, currency, adjustments } = found;
  if (valueBridge === null || section.table === null) return section;
  const places = placesFor(found.summary.figures.cost);
  const corrections =
    isZero(adjustments.cost) && isZero(adjustments.value)
      ? []
      : [
          `Corrections of closed periods that were booked in this quarter, in no figure above: ${asFigure(adjustments.cost, places)} ${currency} of cost, ${asFigure(adjustments.value, places)} ${currency} of value.`,
        ];
  return {
    ...section,
    notes: [
      `${VALUE_STEPS_READ} ${section.notes.join(' ')}`,
      movedNote(valueBridge, 're-attributed', currency, places),
      ...corrections,
      ...retractionNotes(found, places),
    ],
  };
}

function bridgeSection(title: string, found: CloudReturn, bridge: Bridge<CostStep | ValueStep> | null): PageSection {
  const { currency, quarter, days } = found;
  if (bridge === null) {
    return { title, lead: ['Not assessed: there is no quarter before this one to come from.'], table: null, notes: [] };
  }
  if (isOfNothing(bridge))
    return { title, lead: ['Nothing to show: both quarters have none.'], table: null, notes: [] };
  const { amounts, closing } = bridgeFigures(bridge, placesFor(found.summary.figures.cost));
  const [opening = '', ...steps] = amounts;
  const lead =
    days.counted === days.all
      ? []
      : bridge.through === undefined
        ? [`${bridge.from} in all of its days against ${days.counted} of ${days.all} days of ${quarter.id}.`]
        : [`The first ${days.counted} days of each quarter.`];
  return {
    title,
    lead,
    table: {
      heads: ['', currency],
      figures: [1],
      rows: [
        [partOf(bridge.from, bridge.through), opening],
        ...bridge.steps.map(({ step }, index) => [STEP_NAMES[step], signed(steps[index] ?? '')]),
        [soFar(found), closing],
      ],
      totals: 1,
    },
    notes: ['The steps lead from one figure to the other exactly; nothing is left over.'],
  };
}

/** From nothing to nothing, and nothing between. */
function isOfNothing({ opening, steps, closing }: Bridge): boolean {
  return [opening, closing, ...steps.map(({ amount }) => amount)].every(isZero);
}

/** Opening and steps as printed, and the closing they add up to: both ends as every other page prints them. */
export function bridgeFigures(bridge: Bridge, places: number): { amounts: string[]; closing: string } {
  const [opening, closing] = [bridge.opening, bridge.closing].map((figure) =>
    decimal(roundForPresentation(figure, places)),
  );
  const between = subtract(closing ?? ZERO, opening ?? ZERO);
  const { parts } = footingTo(
    bridge.steps.map(({ amount }) => amount),
    between,
    places,
  );
  return { amounts: [asFigure(bridge.opening, places), ...parts], closing: asFigure(bridge.closing, places) };
}

/** What was taken back in the quarter, and why; of an outcome that several pods share once. */
function retractionNotes({ retractions = [] }: CloudReturn, places: number): string[] {
  const acts = Map.groupBy(retractions, ({ outcomeId, retractedAt }) => `${outcomeId} ${retractedAt}`);
  const outcomes = [...acts.values()];
  const named = outcomes.slice(0, RETRACTIONS_SHOWN).flatMap((shares) => {
    const [first] = shares;
    if (first === undefined) return [];
    const { title, reason, retractedAt, currency } = first;
    const [counted, verified] = [
      sum(shares.flatMap((share) => share.amount ?? [])),
      sum(shares.flatMap((share) => share.verified ?? [])),
    ].map((figure) => asFigure(figure, places));
    const before = currency === null ? '' : `, which had counted ${counted} ${currency}, ${verified} of it verified`;
    return `Retracted on ${retractedAt.slice(0, 10)}: ${title}${before}. Reason: ${reason}`;
  });
  const more = outcomes.length - named.length;
  return more === 0 ? named : [...named, `And ${more} more were retracted.`];
}

function driverNotes({ steps }: Bridge<CostStep>, places: number): string[] {
  return steps.flatMap(({ step, drivers, amount }) => {
    if (drivers.length === 0 || asFigure(amount, places) === asFigure('0' as Decimal, places)) return [];
    const named = drivers.map((driver) => `${driver.name} ${signed(asFigure(driver.amount, places))}`);
    return [`${STEP_NAMES[step]}, most of it: ${named.join('; ')}.`];
  });
}

function movedNote(
  bridge: Bridge<CostStep | ValueStep>,
  step: CostStep | ValueStep,
  currency: string,
  places: number,
): string {
  const moved = bridge.steps.find((one) => one.step === step)?.moved;
  const name = STEP_NAMES[step];
  if (moved === null || moved === undefined)
    return `${name}: what they moved between pods is not assessed, for ${bridge.from} was not closed.`;
  return isZero(moved)
    ? `${name} moved nothing between pods.`
    : `${name} moved ${asFigure(moved, places)} ${currency} between pods, of which the total shows nothing.`;
}

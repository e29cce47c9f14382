/**
 * Turns the exact costs of a month into balanced lines. Rounding is done once: the cost of each currency to its decimals, then entities and
 * cost centres by largest remainder, so that every level adds up to the one above.
 */
import { compare, type Decimal, sum, ZERO } from '../kernel/decimal.ts';
import { roundParts, roundPartsTo } from '../kernel/round-parts.ts';
import { minorUnitPlaces } from '../invoices/invoice.ts';
import type { JournalAccounts, JournalLine } from './journal.ts';

/** Exact cost of one pod (null: of none) under one cost centre, billed to one entity. */
export interface JournalCost {
  readonly entity: string | null;
  readonly currency: string;
  readonly podId: string | null;
  readonly costCentre: string | null;
  /** Of a prior-period adjustment: the statement it corrects, and its month. */
  readonly adjusts: { readonly statementId: string; readonly periodId: string } | null;
  readonly cost: Decimal;
}

/** The lines, by entity, currency, adjusted month, account and cost centre; amounts that round to nothing have none. */
export function composeJournal(
  costs: readonly JournalCost[],
  options: { accounts: JournalAccounts; periodId: string },
): JournalLine[] {
  const lines: JournalLine[] = [];
  const wholes = groupBy(costs, (one) => [
    one.currency,
    one.adjusts?.periodId ?? null,
    one.adjusts?.statementId ?? null,
  ]);
  for (const whole of wholes) {
    const places = minorUnitPlaces(whole[0].currency);
    const entities = groupBy(whole, (one) => [one.entity]);
    const totals = roundParts(
      entities.map((entity) => sum(entity.map((one) => one.cost))),
      places,
    );
    for (const [index, entity] of entities.entries()) {
      lines.push(...composeEntity(entity, totals.parts[index] ?? '0', { ...options, places }));
    }
  }
  return lines.sort(byPlace);
}

/** The lines of one entity, currency and adjusted month, the clearing line last; they balance. */
function composeEntity(
  costs: Group<JournalCost>,
  total: string,
  options: { accounts: JournalAccounts; periodId: string; places: number },
): JournalLine[] {
  const { accounts, periodId, places } = options;
  const [{ entity, currency, adjusts }] = costs;
  const bearers = groupBy(costs, (one) => [accountOf(one, accounts), one.costCentre]);
  const amounts = roundPartsTo(
    bearers.map((bearer) => sum(bearer.map((one) => one.cost))),
    total,
    places,
  );
  const common = { entity, currency, adjustsStatementId: adjusts?.statementId ?? null };
  const what = adjusts === null ? `Cloud cost ${periodId}` : `Cloud cost ${adjusts.periodId}, adjusted in ${periodId}`;
  const lines = bearers.map((bearer, index): JournalLine | null => {
    const [{ costCentre, podId }] = bearer;
    const pods = [...new Set(bearer.flatMap((one) => (one.podId === null ? [] : [one.podId])))].sort();
    const bearing =
      podId === null ? 'unattributed' : costCentre === null ? 'no cost centre' : `cost centre ${costCentre}`;
    const booked = bookAs(amounts[index] ?? '0', 'debit');
    const text = `${what}, ${bearing}${pods.length === 0 ? '' : `: ${pods.join(', ')}`}`;
    return booked === null
      ? null
      : { ...common, account: accountOf(bearer[0], accounts), costCentre, pods, ...booked, text };
  });
  const cleared = bookAs(total, 'credit');
  const clearing = { ...common, account: accounts.clearing, costCentre: null, pods: [], text: `${what}, cleared` };
  return [...lines, cleared === null ? null : { ...clearing, ...cleared }].filter((line) => line !== null);
}

function accountOf(cost: JournalCost, accounts: JournalAccounts): string {
  if (cost.podId === null) return accounts.unattributed;
  return cost.costCentre === null ? accounts.unassigned : accounts.expense;
}

/** A signed amount on its side: below zero it stands on the other one. Null where it rounds to nothing. */
function bookAs(signed: string, side: 'debit' | 'credit'): Pick<JournalLine, 'side' | 'amount'> | null {
  const sign = compare(signed as Decimal, ZERO);
  if (sign === 0) return null;
  if (sign > 0) return { side, amount: signed };
  return { side: side === 'debit' ? 'credit' : 'debit', amount: signed.slice(1) };
}

type Group<Item> = readonly [Item, ...Item[]];

/** Groups in the order of their keys, nulls last, so that rounding ties always fall alike. */
function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => readonly (string | null)[]): Group<Item>[] {
  const groups = Map.groupBy(items, (item) =>
    JSON.stringify(keyOf(item).map((part) => (part === null ? ['1'] : ['0', part]))),
  );
  return [...groups]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([, [first, ...more]]) => (first === undefined ? [] : [[first, ...more] as const]));
}

/** By entity and currency, so that each balanced block stands together; within one as composed. */
function byPlace(left: JournalLine, right: JournalLine): number {
  const keyOf = (line: JournalLine) => `${line.entity === null ? '1' : `0${line.entity}`}\n${line.currency}`;
  const [leftKey, rightKey] = [keyOf(left), keyOf(right)];
  return leftKey === rightKey ? 0 : leftKey < rightKey ? -1 : 1;
}

/** The facts of a message from the crossings it tells of, when it is first written and whenever it is rewritten. */
import type { EnvelopeFigure } from '../envelopes/envelope-figures.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { addDays, type IsoDate } from '../kernel/period.ts';
import type { MessageAct, MessageFacts, MessagePart } from './compose-message.ts';
import type { CrossingDetails } from './message-facts.ts';
import type { Crossing } from './record-crossings.ts';

export interface ToldCrossing {
  readonly crossing: Crossing;
  readonly details: CrossingDetails;
  /** Absent in the first post. */
  readonly told?: { readonly actual: Decimal; readonly limit: Decimal };
  readonly state?: MessagePart['state'];
}

/** At least one crossing; all of one scope. */
export function messageFacts(group: readonly ToldCrossing[], acts: readonly MessageAct[]): MessageFacts {
  const [first] = group;
  if (first === undefined) throw new Error('a message without a crossing');
  const { figure, freshness } = first.crossing;
  return {
    scopeKind: figure.scope.kind,
    scopeName: first.details.scopeName,
    parts: group.map(toPart),
    through: freshness.through,
    late: freshness.late,
    increases: first.details.increases,
    acts,
  };
}

/** The shorter period first, as people speak: the month, then the quarter. */
export function comparePeriods(left: EnvelopeFigure, right: EnvelopeFigure): number {
  if (left.periodEnd !== right.periodEnd) return left.periodEnd < right.periodEnd ? -1 : 1;
  return left.periodStart > right.periodStart ? -1 : 1;
}

function toPart({ crossing, details, told, state = 'open' }: ToldCrossing): MessagePart {
  const { figure } = crossing;
  return {
    periodId: figure.periodId,
    periodStart: figure.periodStart,
    periodEnd: figure.periodEnd,
    actual: crossing.actual,
    limit: figure.limit,
    currency: figure.currency,
    reason: crossing.reason,
    formerLimit: details.formerLimit,
    limitReachedOn: limitReachedOn(crossing, details.daysToLimit),
    approvedBy: figure.approvedBy,
    approval: figure.approval,
    patternNames: details.patternNames,
    state,
    told: told ?? null,
  };
}

function limitReachedOn({ figure, freshness }: Crossing, daysToLimit: number | null): IsoDate | null {
  if (freshness.through === null || daysToLimit === null) return null;
  const day = addDays(freshness.through, daysToLimit);
  return day < figure.periodEnd ? day : null;
}

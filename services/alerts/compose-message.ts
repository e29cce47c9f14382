/**
 * What a crossing says, as a colleague would: who, how much of what, how far the time is, how far the data reaches, at what
 * pace, what grew, who approved it. A pure function of facts. The text is complete by itself; the blocks say the same.
 */
import { compare, type Decimal, decimal, subtract } from '../kernel/decimal.ts';
import { daysBetween, addDays, type IsoDate } from '../kernel/period.ts';
import { formatDay, formatMoney, formatPeriod, formatShare } from './format-figures.ts';
import { context, header, section } from './slack-blocks.ts';
import { cutEscaped, escapeForeign, TEXT_LENGTH_MAX } from './slack-text.ts';

/** One crossed envelope of a message. */
export interface MessagePart {
  readonly periodId: string;
  readonly periodStart: IsoDate;
  readonly periodEnd: IsoDate;
  readonly actual: Decimal;
  readonly limit: Decimal;
  readonly currency: string;
  readonly reason: 'spend' | 'limit lowered' | 'rules' | 'past period';
  readonly formerLimit: Decimal | null;
  /** The first day on which the limit is passed at the median of the last 14 days; null where it is not within the period. */
  readonly limitReachedOn: IsoDate | null;
  readonly approvedBy: string | null;
  readonly approval: string | null;
  /** Names of the patterns that gave it; empty for an envelope of its own. */
  readonly patternNames: readonly string[];
  /** How its episode stands; a post is rewritten when that changes. */
  readonly state: 'open' | 'cleared' | 'closed';
  /** What the post said first; null in the first post. */
  readonly told: { readonly actual: Decimal; readonly limit: Decimal } | null;
}

/** What somebody did about it. */
export interface MessageAct {
  readonly kind: 'acknowledged' | 'snoozed';
  readonly by: string;
  /** The day it was acknowledged, or the first on which a snoozed rung is told again. */
  readonly day: IsoDate;
}

export interface MessageFacts {
  readonly scopeKind: 'pod' | 'portfolio' | 'organisation' | 'unattributed';
  readonly scopeName: string;
  /** At least one; several envelopes of one scope that crossed together. */
  readonly parts: readonly MessagePart[];
  readonly through: IsoDate | null;
  readonly late: readonly { readonly sourceId: string; readonly daysBehind: number | null }[];
  /** The last 14 complete days against the 14 before, by service, largest first. */
  readonly increases: readonly { readonly serviceName: string | null; readonly increase: Decimal }[];
  readonly acts: readonly MessageAct[];
}

export interface ComposedMessage {
  readonly text: string;
  readonly blocks: readonly unknown[];
}

export function composeMessage(facts: MessageFacts): ComposedMessage {
  const headline = `${describeEnd(facts)}${subjectOf(facts)} ${facts.parts.map((part) => describePart(part, facts)).join(', and ')}.`;
  const isOpen = facts.parts.some(({ state }) => state === 'open');
  const details = [
    ...facts.parts.flatMap((part) => [...describeReason(part), ...describeChange(part)]),
    ...(isOpen ? [...facts.parts.flatMap((part) => describePace(part, facts)), ...describeIncreases(facts)] : []),
    ...facts.acts.map(describeAct),
  ];
  const footing = [...describeData(facts), ...describeApprovals(facts)];
  const text = [headline, ...details, ...footing].join(' ');
  return {
    text: cutEscaped(text, TEXT_LENGTH_MAX),
    blocks: [
      header(titleOf(facts)),
      section(headline),
      ...(details.length === 0 ? [] : [section(details.join('\n'))]),
      ...(footing.length === 0 ? [] : [context(footing.join(' '))]),
    ],
  };
}

/** For who scans a channel: `Checkout: 81 % of Q4 2026`, `…, over its limit`, `Checkout: cleared, 72 % of Q4 2026`. Plain text, nothing of it is markup. */
function titleOf({ scopeKind, scopeName, parts }: MessageFacts): string {
  const name = scopeKind === 'unattributed' ? 'Unattributed' : scopeName;
  const shares = parts.map((part) => `${formatShare(part.actual, part.limit)} of ${formatPeriod(part.periodId).name}`);
  const open = parts.filter(({ state }) => state === 'open');
  const isOver = open.some(({ actual, limit }) => compare(actual, limit) > 0);
  const isCleared = parts.every(({ state }) => state === 'cleared');
  const how = open.length > 0 ? '' : isCleared ? 'cleared, ' : 'closed at ';
  return `${name}: ${how}${shares.join(' and ')}${isOver ? ', over the limit' : ''}`;
}

/** `Cleared, now 72 %: `, `Closed at 97 %: `; nothing while any part is open. */
function describeEnd({ parts }: MessageFacts): string {
  const [first] = parts;
  if (first === undefined || parts.some(({ state }) => state !== first.state) || first.state === 'open') return '';
  const shares = parts.map(({ actual, limit }) => formatShare(actual, limit)).join(' and ');
  return first.state === 'cleared' ? `Cleared, now ${shares}: ` : `Closed at ${shares}: `;
}

function subjectOf(facts: MessageFacts): string {
  const name = escapeForeign(facts.scopeName);
  switch (facts.scopeKind) {
    case 'pod':
      return `${name} has spent`;
    case 'portfolio':
      return `The portfolio ${name} has spent`;
    case 'organisation':
      return `${name === '' ? 'The organisation' : name} as a whole has spent`;
    case 'unattributed':
      return 'Cost that no pod answers for has reached';
  }
}

function describePart(part: MessagePart, facts: MessageFacts): string {
  const { name, noun } = formatPeriod(part.periodId);
  const actual = `${facts.late.length > 0 ? 'at least ' : ''}${formatMoney(part.actual, part.currency, part.limit)}`;
  const limit = formatMoney(part.limit, part.currency, part.limit);
  const approved = part.approvedBy === null ? `envelope of ${limit}` : `approved ${limit}`;
  const relation = compare(part.actual, part.limit) > 0 ? ', over its' : ' of its';
  const gone =
    facts.through === null || part.state === 'closed'
      ? ''
      : `, with ${shareGone(part, facts.through)} of the ${noun} gone`;
  const ended = part.state !== 'open' && facts.parts.some(({ state }) => state !== part.state) ? `, ${part.state}` : '';
  return `${actual}${relation} ${approved} for ${name} (${formatShare(part.actual, part.limit)})${gone}${ended}`;
}

function shareGone(part: MessagePart, through: IsoDate): string {
  const whole = daysBetween(part.periodStart, part.periodEnd);
  const gone = Math.min(Math.max(daysBetween(part.periodStart, addDays(through, 1)), 0), whole);
  return formatShare(decimal(String(gone)), decimal(String(whole)));
}

function describeReason(part: MessagePart): string[] {
  const { name } = formatPeriod(part.periodId);
  if (part.reason === 'rules')
    return [`This comes from a change of the attribution rules, not from new spend (${name}).`];
  if (part.reason === 'past period') return [`${name} was over when this became known.`];
  if (part.reason !== 'limit lowered') return [];
  const former = part.formerLimit === null ? '' : ` from ${formatMoney(part.formerLimit, part.currency, part.limit)}`;
  return [`The limit for ${name} was lowered${former}.`];
}

/** What is other than the post first said: a bill restated downward, a limit approved anew. */
function describeChange(part: MessagePart): string[] {
  if (part.told === null) return [];
  const money = (amount: Decimal) => formatMoney(amount, part.currency, part.limit);
  const { name } = formatPeriod(part.periodId);
  const sentences: string[] = [];
  const isSameLimit = compare(part.limit, part.told.limit) === 0;
  if (compare(part.actual, part.told.actual) < 0) {
    // Another limit has exchange rates of its own: not all of the difference need be the bill's.
    sentences.push(
      isSameLimit
        ? `The bill for ${name} was restated by ${money(subtract(part.actual, part.told.actual))}.`
        : `The figure for ${name} is ${money(subtract(part.told.actual, part.actual))} less than first told.`,
    );
  }
  if (!isSameLimit) {
    const by = part.approvedBy === null ? '' : `, approved by ${escapeForeign(part.approvedBy)}`;
    sentences.push(`The limit for ${name} went from ${money(part.told.limit)} to ${money(part.limit)}${by}.`);
  }
  return sentences;
}

function describeAct({ kind, by, day }: MessageAct): string {
  const who = escapeForeign(by);
  return kind === 'acknowledged'
    ? `Acknowledged by ${who} on ${formatDay(day)}.`
    : `Snoozed by ${who} until ${formatDay(day)}.`;
}

function describePace(part: MessagePart, facts: MessageFacts): string[] {
  if (part.limitReachedOn === null || part.state !== 'open') return [];
  const limit = facts.parts.length === 1 ? 'the limit' : `the limit for ${formatPeriod(part.periodId).name}`;
  return [`At this pace ${limit} is reached on ${formatDay(part.limitReachedOn)}.`];
}

function describeIncreases(facts: MessageFacts): string[] {
  const [first] = facts.parts;
  if (first === undefined || facts.increases.length === 0) return [];
  const list = facts.increases.map(
    ({ serviceName, increase }) =>
      `${escapeForeign(serviceName ?? 'without a service')} +${formatMoney(increase, first.currency, first.limit)}`,
  );
  return [`Largest increases, the last 14 days against the 14 before: ${list.join(', ')}.`];
}

function describeData(facts: MessageFacts): string[] {
  if (facts.through === null && facts.late.length === 0) return [];
  const through = facts.through === null ? 'No whole day is in yet' : `Data through ${formatDay(facts.through)}`;
  const late = facts.late.map(({ sourceId, daysBehind }) => {
    const name = escapeForeign(sourceId);
    if (daysBehind === null) return `${name} has delivered nothing yet`;
    return `${name} is ${daysBehind === 1 ? 'a day' : `${daysBehind} days`} behind`;
  });
  return [`${[through, ...late].join('; ')}.`];
}

function describeApprovals(facts: MessageFacts): string[] {
  const sentences = facts.parts.map((part) => {
    if (part.approvedBy === null) return 'No approval is recorded.';
    const by = escapeForeign(part.approvedBy);
    if (part.patternNames.length > 0) {
      return `Approved with the pattern ${part.patternNames.map((name) => escapeForeign(name)).join(' and ')} (${by}).`;
    }
    return `Approved by ${by}${part.approval === null ? '' : ` (${escapeForeign(part.approval)})`}.`;
  });
  return [...new Set(sentences)];
}

/**
 * A message for channels that know nothing of Slack: its thoughts as plain paragraphs, and a subject that stays the same over everything said
 * about one alert. What was escaped for Slack is read back.
 */
import type { MessageAlert, PlainMessage } from '../kernel/chat-port.ts';
import { compare, decimal } from '../kernel/decimal.ts';
import { formatPeriod, formatShare } from './format-figures.ts';

const SUBJECT_LENGTH_MAX = 140;
const WHOLE = decimal('1');

export interface PlainSource {
  readonly kind: string;
  readonly text: string;
  readonly blocks: readonly unknown[];
  /** Whose money it is about; null where the message is about no alert. */
  readonly scopeName: string | null;
  readonly alerts: readonly MessageAlert[];
}

export function plainMessage(source: PlainSource): PlainMessage {
  const fromBlocks = source.blocks.flatMap(textsOf).flatMap((text) => text.split('\n'));
  const paragraphs = (fromBlocks.length === 0 ? [source.text] : fromBlocks).map(readBack).filter((text) => text !== '');
  const byHand = describeActs(source);
  return { subject: cut(subjectOf(source, paragraphs)), paragraphs, ...(byHand === null ? {} : { byHand }) };
}

/** Whoever is told of a limit may acknowledge it or ask for more, wherever they read it. */
function describeActs({ kind, alerts }: PlainSource): string | null {
  const [open] = alerts.filter(({ episodeState }) => episodeState === 'open');
  if (open === undefined || (kind !== 'crossing' && kind !== 'escalation')) return null;
  return (
    `Acknowledge it: outturn alerts acknowledge ${open.alertId}. ` +
    `Ask for a raise: outturn envelopes raise ${open.envelopeId} --limit AMOUNT --reason WHY.`
  );
}

/** Texts of sections and contexts, in their order; what can only be pressed is left out, and the header, whose place the subject has. */
function textsOf(block: unknown): string[] {
  if (typeof block !== 'object' || block === null) return [];
  const parts = [...('text' in block ? [block.text] : []), ...('elements' in block ? [block.elements].flat() : [])];
  const isLeftOut = 'type' in block && (block.type === 'actions' || block.type === 'header');
  return isLeftOut ? [] : parts.flatMap((part) => (hasText(part) ? [part.text] : []));
}

function hasText(part: unknown): part is { readonly text: string } {
  return typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string';
}

function readBack(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&').trim();
}

/** `Checkout: 80 % of its envelope for Q4 2026`; by the rung, which never changes, not by the figure. */
function subjectOf({ kind, scopeName, alerts }: PlainSource, paragraphs: readonly string[]): string {
  const [first] = alerts;
  if (first === undefined || scopeName === null) return paragraphs[0] ?? '';
  const rung = alerts.reduce((highest, alert) => (compare(alert.rung, highest) > 0 ? alert.rung : highest), first.rung);
  const periods = [...new Set(alerts.map(({ period }) => formatPeriod(period).name))].join(' and ');
  const subject = `${scopeName}: ${formatShare(rung, WHOLE)} of the envelope for ${periods}`;
  if (kind === 'crossing') return subject;
  return kind === 'delivery-failure' ? `Not delivered: ${subject}` : `Re: ${subject}`;
}

function cut(subject: string): string {
  const line = subject.replace(/\s+/g, ' ').trim();
  return line.length <= SUBJECT_LENGTH_MAX
    ? line
    : `${line.slice(0, SUBJECT_LENGTH_MAX - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

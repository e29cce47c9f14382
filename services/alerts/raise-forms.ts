/** The forms behind two buttons, as Slack shows them: what a raise is asked with, and why one is refused. What was filled in is checked here. */
import { compare, decimal, type Decimal, isDecimalText, ZERO } from '../kernel/decimal.ts';
import { type IsoDate, isIsoDate, utcDate } from '../kernel/period.ts';
import type { AlertSubject } from './alert-subject.ts';
import { formatMoney, formatPeriod } from './format-figures.ts';
import { section } from './slack-blocks.ts';
import { escapeForeign } from './slack-text.ts';

export const RAISE_FORM = 'outturn_raise';
export const REFUSAL_FORM = 'outturn_refusal';
const REASON_LENGTH_MAX = 1_000;

/** Asks for the new limit of an alert's envelope. `metadata` comes back with what was filled in. */
export function raiseForm(subject: AlertSubject, metadata: string): object {
  const { scopeName, periodId, limit, currency } = subject;
  const text = `${escapeForeign(scopeName)}, ${formatPeriod(periodId).name}: ${formatMoney(limit, currency, limit)} is approved.`;
  return form(RAISE_FORM, 'Request a raise', metadata, [
    section(text),
    input('limit', `New limit in ${currency}`, {
      type: 'plain_text_input',
      placeholder: plain('12000.00'),
      max_length: 40,
    }),
    { ...input('until', 'Needed until', { type: 'datepicker' }), optional: true },
    input('reason', 'Reason', { type: 'plain_text_input', multiline: true, max_length: REASON_LENGTH_MAX }),
  ]);
}

/** Asks why a raise is refused. */
export function refusalForm(metadata: string): object {
  return form(REFUSAL_FORM, 'Refuse the raise', metadata, [
    input('reason', 'Reason', { type: 'plain_text_input', multiline: true, max_length: REASON_LENGTH_MAX }),
  ]);
}

export interface FilledRaise {
  readonly limit: Decimal;
  readonly until: IsoDate | null;
  readonly reason: string;
}

export type Filled<Value> =
  | { readonly kind: 'filled'; readonly value: Value }
  /** A sentence for each field that has to be changed. */
  | { readonly kind: 'errors'; readonly errors: Readonly<Record<string, string>> };

/** What was filled in, or what is wrong with it. */
export function readRaiseForm(
  fields: Readonly<Record<string, string>>,
  subject: AlertSubject,
  at: Date,
): Filled<FilledRaise> {
  const errors: Record<string, string> = {};
  const limit = readAmount(fields['limit'] ?? '');
  if (limit === null) errors['limit'] = 'Write an amount such as 12000 or 12,000.50.';
  else if (compare(limit, ZERO) <= 0 || compare(limit, subject.limit) <= 0) {
    errors['limit'] =
      `This is the new limit, above the present ${formatMoney(subject.limit, subject.currency, subject.limit)}.`;
  }
  const until = (fields['until'] ?? '').trim();
  if (until !== '' && (!isIsoDate(until) || until < utcDate(at)))
    errors['until'] = 'Choose a day from today on, or none.';
  const reason = readReason(fields);
  if (reason === null) errors['reason'] = 'Say in a sentence what it is needed for.';
  if (limit === null || reason === null || Object.keys(errors).length > 0) return { kind: 'errors', errors };
  return { kind: 'filled', value: { limit, until: until === '' ? null : until, reason } };
}

/** Why it is refused, or that it has to be said. */
export function readRefusalForm(fields: Readonly<Record<string, string>>): Filled<string> {
  const reason = readReason(fields);
  return reason === null
    ? { kind: 'errors', errors: { reason: 'Say in a sentence why; whoever asked reads it.' } }
    : { kind: 'filled', value: reason };
}

function readReason(fields: Readonly<Record<string, string>>): string | null {
  const reason = (fields['reason'] ?? '').trim();
  return reason === '' || reason.length > REASON_LENGTH_MAX ? null : reason;
}

/** Thousands may be grouped by commas; anything that could be read in two ways is no amount. */
function readAmount(text: string): Decimal | null {
  const written = text.trim();
  const plainText = /^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(written) ? written.replaceAll(',', '') : written;
  return /^\d{1,30}(?:\.\d{1,12})?$/.test(plainText) && isDecimalText(plainText) ? decimal(plainText) : null;
}

function form(callbackId: string, title: string, metadata: string, blocks: object[]): object {
  return {
    type: 'modal',
    callback_id: callbackId,
    private_metadata: metadata,
    title: plain(title),
    submit: plain('Send'),
    close: plain('Cancel'),
    blocks,
  };
}

function input(blockId: string, label: string, element: object): object {
  return { type: 'input', block_id: blockId, label: plain(label), element: { ...element, action_id: blockId } };
}

function plain(text: string): object {
  return { type: 'plain_text', text };
}

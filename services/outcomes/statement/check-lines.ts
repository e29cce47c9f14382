/** The texts of a statement are read by other people, on terminals too: a line is a line, and nothing in it is obeyed instead of read. */
import { findObeyed } from '../../kernel/obeyed-signs.ts';
import type { Report } from './checked-outcome.ts';
import type { RawOutcome } from './raw-outcome.ts';

const LINES = [
  'title',
  'outcomeType',
  'unit',
  'baselineSource',
  'baselineMethod',
  'confidenceReason',
  'verifiedBy',
] as const;

/** Reports every text that holds a sign which is not read. A baseline may have several lines. */
export function checkLines(raw: RawOutcome, report: Report): void {
  const refuse = (field: Parameters<Report>[0], sign: string | null) => {
    if (sign === null) return;
    report(field, `it holds the sign ${sign}, which is not read but obeyed`, 'Write plain text in one line.');
  };
  for (const field of LINES) refuse(field, findObeyed(raw[field]));
  refuse('baseline', findObeyed(raw.baseline, 'several'));
  for (const { system, key } of raw.references) refuse('references', findObeyed(system) ?? findObeyed(key));
  for (const { title } of raw.evidence) refuse('evidence', findObeyed(title ?? ''));
}

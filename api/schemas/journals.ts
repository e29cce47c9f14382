/** Journals over HTTP: the shapes of `outturn export journal --json`. */
import { Type } from 'typebox';
import { JOURNAL_PURPOSES } from '../../services/journal/journal.ts';
import { PAGE_QUERY } from '../paging.ts';
import {
  COST_METRIC,
  CurrencyCode,
  DateText,
  DecimalText,
  Id,
  InstantText,
  nullable,
  oneOf,
  PeriodText,
} from './common.ts';

const Purpose = oneOf(JOURNAL_PURPOSES, 'chargeback is booked, of closed months; showback only tells.');

export const JournalQuery = Type.Object(
  {
    ...PAGE_QUERY,
    period: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}$', description: 'Only of this month.' })),
  },
  { additionalProperties: false },
);

export const JournalParams = Type.Object({ journalId: Type.String({ pattern: '^\\d{1,9}$' }) });

export const JournalBody = Type.Object(
  {
    period: PeriodText,
    purpose: Purpose,
    forcedReason: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1_000, description: 'Why an open month is charged back all the same.' }),
    ),
  },
  { additionalProperties: false },
);

export const ReversalBody = Type.Object(
  {
    of: Type.String({
      minLength: 1,
      maxLength: 20,
      description: 'The id of a superseded statement, or journal- and the id of a preliminary chargeback.',
    }),
  },
  { additionalProperties: false },
);

const HEAD = {
  journalId: Id,
  purpose: Purpose,
  state: oneOf(['final', 'preliminary'], 'final: of an approved statement.'),
  period: Type.Object({ id: Type.String(), start: DateText, end: DateText }),
  costMetric: COST_METRIC,
  statementId: nullable(Type.String()),
  forcedReason: nullable(Type.String()),
  reversesJournalId: nullable(Type.String()),
  createdAt: InstantText,
  createdBy: Type.String(),
};

export const JournalHeadView = Type.Object(HEAD);

export const JournalExportView = Type.Object({
  journals: Type.Array(
    Type.Object({
      ...HEAD,
      lines: Type.Array(
        Type.Object({
          line: Type.Integer(),
          entity: nullable(Type.String({ description: 'The billing account the invoice is to.' })),
          currency: CurrencyCode,
          account: Type.String(),
          costCentre: nullable(Type.String()),
          pods: Type.Array(Type.String()),
          side: oneOf(['debit', 'credit'], 'The side it stands on.'),
          amount: DecimalText,
          adjustsStatementId: nullable(Type.String({ description: 'Of a prior-period adjustment.' })),
          text: Type.String(),
        }),
      ),
      totals: Type.Array(
        Type.Object({
          entity: nullable(Type.String()),
          currency: CurrencyCode,
          debit: DecimalText,
          credit: DecimalText,
        }),
      ),
    }),
  ),
});

/** Statements of closed periods over HTTP, and the adjustments that correct them. */
import { Type } from 'typebox';
import { PAGE_QUERY } from '../paging.ts';
import { AsKnownField, AsKnownQuery } from './as-known.ts';
import { CurrencyCode, DateText, DecimalText, InstantText, nullable, oneOf, PeriodText } from './common.ts';

const Hash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256.' });
const Reason = Type.String({ minLength: 1, maxLength: 2_000 });
const STATES = ['prepared', 'approved', 'discarded'] as const;

export const StatementsQuery = Type.Object(
  {
    period: Type.Optional(Type.String({ minLength: 4, maxLength: 22, description: '2026-09 or 2026-Q3.' })),
    state: Type.Optional(oneOf(STATES, 'Only statements in this state.')),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);

export const StatementParams = Type.Object({ statementId: Type.String({ pattern: '^\\d{1,9}$' }) });

export const CloseBody = Type.Object(
  {
    period: Type.String({ minLength: 4, maxLength: 22, description: '2026-09 (month) or 2026-Q3 (fiscal quarter).' }),
    force: Type.Optional(Type.Boolean({ description: 'Close although a source is missing, late or not final.' })),
    reissue: Type.Optional(Type.Boolean({ description: 'Close a closed period anew.' })),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
);

export const StatementView = Type.Object({
  statementId: Type.String(),
  kind: oneOf(['month', 'quarter'], 'What it closes.'),
  period: Type.String(),
  start: DateText,
  end: DateText,
  state: oneOf(STATES, 'Closed from approval on.'),
  isCurrent: Type.Boolean({ description: 'Whether reports of its period answer from it.' }),
  supersedes: nullable(Type.String()),
  supersededBy: nullable(Type.String()),
  reissueReason: nullable(Type.String()),
  forcedReason: nullable(Type.String()),
  rulebook: Type.Integer(),
  currency: CurrencyCode,
  costMetric: Type.String(),
  knownAt: InstantText,
  preparedBy: Type.String(),
  preparedAt: InstantText,
  approvedBy: nullable(Type.String()),
  approvedAt: nullable(InstantText),
  ordinal: nullable(Type.Integer({ description: 'Its place in the chain.' })),
  documentHash: Hash,
  previousHash: nullable(Hash),
  hash: nullable(Hash),
});

export const SourceReadinessView = Type.Object({
  sourceId: Type.String(),
  state: oneOf(['ready', 'notBegun', 'missing', 'late', 'unsettled'], 'What stands in the way.'),
  begins: nullable(Type.String({ description: 'The first billing period it delivered; nothing is expected before.' })),
  obstacle: nullable(Type.String()),
});

export const PreparedView = Type.Object({
  statement: StatementView,
  readiness: Type.Array(SourceReadinessView),
});

export const VerificationView = Type.Object({
  verified: Type.Boolean(),
  checked: Type.Integer(),
  head: nullable(Hash),
  broken: nullable(Type.Object({ statementId: Type.String(), period: Type.String(), reason: Type.String() })),
});

export const AdjustmentsQuery = Type.Object(
  { period: PeriodText, asKnown: AsKnownQuery },
  { additionalProperties: false },
);

const Costs = {
  currency: CurrencyCode,
  billedCost: DecimalText,
  effectiveCost: DecimalText,
  listCost: DecimalText,
  contractedCost: DecimalText,
};
const Money = { ...Costs, amount: DecimalText };

const ByBasis = (description: string) => Type.Record(Type.String(), DecimalText, { description });

export const AdjustmentsReport = Type.Object({
  period: Type.Object({ id: Type.String(), start: DateText, end: DateText, through: nullable(DateText) }),
  adjustingMonth: nullable(
    Type.String({ description: 'Where corrections are shown now and will be booked; null while nothing is closed.' }),
  ),
  lines: Type.Array(
    Type.Object({
      bookedIn: Type.String(),
      statementId: nullable(Type.String()),
      adjusts: Type.String(),
      adjustedStatementId: Type.String(),
      podId: nullable(Type.String()),
      kind: oneOf(['direct', 'shared', 'value-verified', 'value-claimed'], 'Which figure of the pod moved.'),
      outcomeId: nullable(Type.String()),
      beside: nullable(Type.String()),
      ...Money,
      reported: Type.Object(Money),
    }),
  ),
  totals: Type.Array(
    Type.Object({
      ...Costs,
      verified: Type.String({ ...DecimalText, description: 'Of the bases that enter the return.' }),
      claimed: Type.String({ ...DecimalText, description: 'Of the bases that would enter the return.' }),
      beside: ByBasis('What stands beside the return, verified and claimed.'),
      besideVerified: ByBasis('The verified part of `beside`.'),
    }),
    { description: 'Of `reported`, one per reporting currency.' },
  ),
  months: Type.Array(
    Type.Object({
      bookedIn: Type.String(),
      adjusts: Type.String(),
      adjustedStatementId: Type.String(),
      causes: Type.Object({
        loads: Type.Array(
          Type.Object({
            sourceId: Type.String(),
            billingPeriod: Type.String(),
            was: nullable(Type.String()),
            now: nullable(Type.String()),
          }),
        ),
        rulebook: nullable(Type.Object({ was: Type.Integer(), now: Type.Integer() })),
        outcomes: Type.Array(
          Type.Object({ outcomeId: Type.String(), was: nullable(Type.Integer()), now: Type.Integer() }),
        ),
        rates: Type.Array(Type.Object({ currency: CurrencyCode, days: Type.Integer() })),
      }),
    }),
  ),
  asKnown: AsKnownField,
});

/** The path from a figure to the bill's lines over HTTP: the shapes of `outturn explain --json`. */
import { Type } from 'typebox';
import { AsKnownField, AsKnownQuery } from './as-known.ts';
import { COST_METRIC, CurrencyCode, DateText, DecimalText, nullable, oneOf, PeriodText, RatioText } from './common.ts';
import { LoadViewSchema } from './loads.ts';
import { OutcomeViewSchema } from './outcomes.ts';

const LINES_MAX = 100;

const Lines = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: LINES_MAX,
    description: 'Lines of the bill per origin; 3 if absent, 0 for none.',
  }),
);
const OriginId = Type.String({ pattern: '^\\d{1,19}$', description: 'From another explanation.' });

export const ChargesQuery = Type.Object(
  {
    podId: Type.Optional(
      Type.String({ maxLength: 200, description: 'With `period`. Empty: the unattributed cost. Absent: everybody’s.' }),
    ),
    period: Type.Optional(PeriodText),
    where: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 500 }), {
        maxItems: 50,
        description:
          'With `period`: the cost explorer’s filters, dim=value, dim!=value or dim~glob, that narrow the cell.',
      }),
    ),
    isBilled: Type.Optional(
      Type.Boolean({
        description: '`period` is of billing periods, whatever the charge dates: what reconciliation and bridge show.',
      }),
    ),
    asNow: Type.Optional(Type.Boolean({ description: 'Closed days as now known, not as their statements say.' })),
    asKnown: AsKnownQuery,
    originId: Type.Optional(OriginId),
    resourceId: Type.Optional(
      Type.String({ minLength: 1, maxLength: 2_000, description: 'As in the bill, with its case.' }),
    ),
    outcomeId: Type.Optional(
      Type.String({ pattern: '^\\d{1,18}$', description: 'With `period` or without: over its whole schedule.' }),
    ),
    lines: Lines,
  },
  { additionalProperties: false },
);

export const OriginParams = Type.Object({ originId: OriginId });
export const OriginQuery = Type.Object({ lines: Lines }, { additionalProperties: false });

const Money = {
  billingCurrency: CurrencyCode,
  billedCost: DecimalText,
  effectiveCost: DecimalText,
  listCost: DecimalText,
  contractedCost: DecimalText,
};
const Count = Type.String({ pattern: '^\\d+$' });
const Tags = Type.Record(Type.String(), nullable(Type.String()));
const Kind = oneOf(['direct', 'shared'], 'Its own cost, or its share of split cost.');
const RuleContent = Type.Unknown({ description: 'The rule as the rulebook has it; null where none matched.' });

const Sources = {
  rates: Type.Array(
    Type.Object({
      from: CurrencyCode,
      to: CurrencyCode,
      onDate: DateText,
      rate: nullable(DecimalText),
      publishedOn: nullable(DateText),
      path: nullable(Type.String()),
      statementId: nullable(Type.Integer({ description: 'The statement that froze it.' })),
    }),
  ),
  loads: Type.Array(LoadViewSchema),
  lines: Type.Array(
    Type.Object({
      loadId: Type.String(),
      originId: Type.String(),
      file: Type.String(),
      record: Type.Integer({ description: 'The record in the file; 1 is the first after the header.' }),
      columns: Type.Record(Type.String(), Type.String(), { description: 'FOCUS columns as delivered.' }),
    }),
  ),
  linesNote: nullable(Type.String({ description: 'Why there are no lines.' })),
};

const Converted = nullable(
  Type.String({
    description: 'In the reporting metric and currency, each day at its rate; null where a rate is missing.',
  }),
);

const PodExplanation = Type.Object({
  asKnown: AsKnownField,
  subject: oneOf(['pod', 'total'], 'A pod’s or the unattributed cost, or everybody’s.'),
  podId: nullable(Type.String()),
  period: Type.Object({ id: Type.String(), start: DateText, end: DateText }),
  state: oneOf(['open', 'closed', 'mixed'], 'mixed: closed days from their statements, the others as now known.'),
  closed: Type.Array(Type.Object({ periodId: Type.String(), statementId: Type.Integer(), rulebook: Type.Integer() })),
  rulebook: Type.Integer(),
  reportingCurrency: CurrencyCode,
  costMetric: COST_METRIC,
  where: Type.Array(Type.String()),
  rules: Type.Array(
    Type.Object({
      rulebook: Type.Integer(),
      ruleId: nullable(Type.String()),
      kind: Kind,
      rule: RuleContent,
      converted: Converted,
      share: nullable(RatioText),
      lineCount: Count,
      split: nullable(
        Type.Object({
          method: Type.String({ description: 'even, fixed, proportional or usage.' }),
          measure: nullable(Type.String({ description: 'What the weights count.' })),
          per: nullable(oneOf(['day', 'month'], 'Whose weights: of the charge date or of its month.')),
          onDate: DateText,
          weight: DecimalText,
          sum: DecimalText,
          podCount: Type.Integer(),
        }),
      ),
      ...Money,
    }),
  ),
  pods: Type.Array(Type.Object({ podId: nullable(Type.String()), kind: Kind, converted: Converted, ...Money }), {
    description: 'Of everybody’s cost: the same by pod.',
  }),
  value: Type.Array(
    Type.Object({
      outcomeId: Type.String(),
      title: Type.String(),
      state: oneOf(['verified', 'claimed'], 'Only verified value enters the return.'),
      beside: nullable(Type.String({ description: 'The name under which it stands beside the return.' })),
      statementId: nullable(Type.Integer()),
      currency: nullable(CurrencyCode),
      amount: nullable(DecimalText),
      converted: Converted,
    }),
  ),
  origins: Type.Array(
    Type.Object({
      originId: Type.String(),
      rulebook: Type.Integer(),
      ruleId: nullable(Type.String()),
      kind: Kind,
      share: nullable(RatioText),
      lineCount: Count,
      loadId: Type.String(),
      providerName: nullable(Type.String()),
      subAccountId: nullable(Type.String()),
      serviceName: nullable(Type.String()),
      resourceId: nullable(Type.String()),
      resourceName: nullable(Type.String()),
      chargeCategory: nullable(Type.String()),
      tags: Tags,
      ...Money,
    }),
  ),
  ...Sources,
});

export const OriginExplanationView = Type.Object({
  subject: Type.Literal('origin'),
  originId: Type.String(),
  attributes: Type.Record(Type.String(), Type.String()),
  tags: Tags,
  rulebook: Type.Integer(),
  stretches: Type.Array(
    Type.Object({
      from: nullable(DateText),
      until: nullable(DateText),
      kind: oneOf(['pod', 'split', 'unattributed'], 'Where its charges go on these dates.'),
      podId: nullable(Type.String()),
      ruleId: nullable(Type.String()),
      rule: RuleContent,
      passedOver: Type.Array(Type.Object({ ruleId: Type.String(), reason: Type.String() })),
    }),
  ),
  days: Type.Array(Type.Object({ chargeDate: DateText, loadId: Type.String(), lineCount: Count, ...Money })),
  ...Sources,
});

const OutcomeExplanation = Type.Object({
  asKnown: AsKnownField,
  subject: Type.Literal('outcome'),
  outcome: OutcomeViewSchema,
  versions: Type.Array(
    Type.Object({
      version: Type.Integer(),
      state: Type.String(),
      act: Type.String(),
      reason: nullable(Type.String()),
      at: Type.String(),
      principal: Type.String(),
    }),
  ),
  period: nullable(Type.Object({ id: Type.String(), start: DateText, end: DateText })),
  reportingCurrency: CurrencyCode,
  standing: oneOf(['in_return', 'claimed', 'beside', 'not_counted'], 'Whether it enters the return.'),
  beside: nullable(Type.String({ description: 'The name under which it stands beside the return.' })),
  months: Type.Array(
    Type.Object({
      month: Type.String(),
      from: DateText,
      through: DateText,
      days: Type.Integer(),
      amount: DecimalText,
      converted: nullable(DecimalText),
    }),
  ),
  rows: Type.Array(
    Type.Object({
      ordinal: Type.Integer(),
      state: oneOf(['verified', 'claimed', 'rejected', 'not_counted'], 'As what it counts, or why not.'),
      from: DateText,
      through: DateText,
      amount: DecimalText,
      converted: nullable(DecimalText),
    }),
    { description: 'What became of each row of the schedule, by its verdict; only verified and claimed count.' },
  ),
  amount: nullable(DecimalText),
  converted: nullable(DecimalText),
  parts: Type.Array(
    Type.Object({
      podId: nullable(Type.String()),
      basisPoints: Type.Integer(),
      amount: nullable(DecimalText),
      converted: nullable(DecimalText),
    }),
  ),
  rates: Sources.rates,
  closed: Type.Array(Type.Object({ periodId: Type.String(), statementId: Type.Integer() })),
  stated: Type.Array(
    Type.Object({
      periodId: Type.String(),
      statementId: Type.Integer(),
      version: Type.Integer({ description: 'Of the outcome, as it was closed.' }),
      podId: nullable(Type.String()),
      state: oneOf(['verified', 'claimed'], 'As what the statement counts it.'),
      beside: nullable(Type.String()),
      amount: nullable(DecimalText),
      currency: nullable(CurrencyCode),
      converted: nullable(DecimalText),
    }),
    { description: 'What the statements of closed months say, at the rates they froze.' },
  ),
  corrections: Type.Array(
    Type.Object({
      bookedIn: Type.String(),
      statementId: nullable(Type.String({ description: 'Null while the month it is booked in is open.' })),
      adjusts: Type.String(),
      podId: nullable(Type.String()),
      state: oneOf(['verified', 'claimed'], 'Which figure of the pod moved.'),
      beside: nullable(Type.String()),
      amount: DecimalText,
      currency: CurrencyCode,
      reported: Type.Object({ currency: CurrencyCode, amount: nullable(DecimalText) }),
    }),
    { description: 'Adjustments of those closed months.' },
  ),
});

export const ExplanationView = Type.Union([
  PodExplanation,
  OriginExplanationView,
  Type.Object({
    subject: Type.Literal('resource'),
    resourceId: Type.String(),
    origins: Type.Array(OriginExplanationView),
  }),
  OutcomeExplanation,
]);

/**
 * Reports over HTTP: the shapes of `outturn report … --json`. They describe and promise; the answer itself is the command line's
 * document, byte for byte, so that a script may take either.
 */
import { Type } from 'typebox';
import { AsKnownField, AsKnownQuery } from './as-known.ts';
import {
  COST_METRIC,
  CurrencyCode,
  DateText,
  DecimalText,
  InstantText,
  nullable,
  oneOf,
  PeriodText,
  RatioText,
} from './common.ts';

const Metric = Type.Optional(COST_METRIC);
const Words = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 500 }), { maxItems: 50, description }));

export const AsNowQuery = Type.Optional(
  Type.Boolean({ description: 'Shows closed periods as now known too, in `asNow` beside what their statements say.' }),
);
export const ValuePerPodQuery = Type.Object(
  {
    asNow: AsNowQuery,
    asKnown: AsKnownQuery,
    period: PeriodText,
    metric: Metric,
    currency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$', description: 'The reporting currency if absent.' })),
    portfolio: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'Only the days on which pods belonged to this portfolio.',
      }),
    ),
    detail: Type.Optional(
      Type.Boolean({
        description:
          'Also verified value by basis, claims by age, confidence, retractions, cost per outcome, cumulative return and payback month.',
      }),
    ),
    withPredecessors: Type.Optional(
      Type.Boolean({ description: 'Successors stand for the pods they succeeded. Not for a pod’s token.' }),
    ),
  },
  { additionalProperties: false },
);

export const CostsQuery = Type.Object(
  {
    asNow: AsNowQuery,
    asKnown: AsKnownQuery,
    period: PeriodText,
    by: Words('Dimensions, repeated or separated by commas: pod, portfolio, serviceName, tag.<key>, day, month, …'),
    where: Words(
      'Filters, repeated: dim=value, dim!=value, dim~glob. An empty value means none: pod= is the unattributed cost.',
    ),
    currency: Type.Optional(
      Type.String({ pattern: '^([A-Z]{3}|billing)$', description: '"billing" converts nothing.' }),
    ),
  },
  { additionalProperties: false },
);

export const ReconciliationQuery = Type.Object(
  { period: PeriodText, asNow: AsNowQuery, asKnown: AsKnownQuery },
  { additionalProperties: false },
);

/** The whole report again, as the first one is. */
export const AsNow = Type.Optional(
  Type.Record(Type.String(), Type.Unknown(), { description: 'The same report as now known, where it was asked for.' }),
);

/** Whether a report answers as closed. */
export const ClosedHead = {
  state: oneOf(['open', 'closed', 'mixed'], 'mixed: closed months from their statements, the others as now known.'),
  statementId: nullable(Type.String({ description: 'The statement of exactly this period.' })),
  asNow: AsNow,
};
const RowStatement = nullable(Type.String({ description: 'The statement it is as closed by; null: as now known.' }));

const Period = Type.Object({
  id: Type.String(),
  start: DateText,
  end: DateText,
  through: nullable(Type.String({ description: 'The last complete charge date; figures go up to it.' })),
});

const FourCosts = {
  billedCost: DecimalText,
  effectiveCost: DecimalText,
  listCost: DecimalText,
  contractedCost: DecimalText,
};

const Adjustments = Type.Object(
  { cost: DecimalText, value: DecimalText },
  { description: 'Corrections of closed months booked here; in no other figure.' },
);

const VerifiedByBasis = Type.Optional(
  Type.Record(Type.String(), DecimalText, { description: 'Verified value of every basis; with `detail`.' }),
);

const outcomesDetail = {
  claims: Type.Object(
    {
      byAge: Type.Array(
        Type.Object({
          fromDays: Type.Integer(),
          toDays: nullable(Type.Integer()),
          outcomes: Type.Integer(),
          value: DecimalText,
        }),
      ),
      oldestDays: nullable(Type.Integer()),
    },
    { description: 'Claims recognised in the window by the days since they were claimed.' },
  ),
  confidence: Type.Record(Type.String(), Type.Integer(), { description: 'Outcomes by grade.' }),
};
const OutcomesDetail = Type.Object(outcomesDetail);

const PodDetail = Type.Object({
  ...outcomesDetail,
  costPerOutcome: nullable(
    Type.Object({ outcomeType: Type.String(), unit: Type.String(), quantity: DecimalText, cost: RatioText }),
  ),
  cumulative: nullable(
    Type.Object({ since: Type.String(), cost: DecimalText, verified: DecimalText, return: nullable(RatioText) }),
  ),
  paybackMonth: nullable(
    Type.String({ description: 'The first month by whose end what was verified is at least what was spent.' }),
  ),
});

export const ValuePerPodReport = Type.Object({
  asKnown: AsKnownField,
  period: Period,
  currency: CurrencyCode,
  costMetric: COST_METRIC,
  revenueBasis: oneOf(['margin', 'gross'], 'Which revenue enters the return.'),
  state: Type.String(),
  statementId: nullable(Type.String()),
  dataAsOf: nullable(InstantText),
  rulebook: Type.Integer(),
  portfolio: nullable(Type.String()),
  withPredecessors: Type.Optional(Type.Literal(true)),
  pods: Type.Array(
    Type.Object({
      podId: Type.String(),
      name: Type.String(),
      kind: oneOf(['delivery', 'platform', 'central'], 'What kind of pod it is.'),
      portfolio: nullable(Type.String()),
      predecessors: Type.Optional(
        Type.Array(Type.Object({ podId: Type.String(), share: DecimalText }), {
          description: 'Whose figures it carries besides its own, where that was asked for.',
        }),
      ),
      cost: Type.Object({ direct: DecimalText, shared: DecimalText, total: DecimalText, estimated: DecimalText }),
      envelope: nullable(
        Type.Object({
          envelopeId: Type.String(),
          limit: DecimalText,
          actual: nullable(DecimalText),
          used: nullable(RatioText),
          currency: CurrencyCode,
          counts: oneOf(['controlled', 'loaded'], 'Which cost counts.'),
          state: oneOf(['ok', 'near', 'over'], 'Where it stands.'),
        }),
      ),
      value: Type.Object({
        verified: DecimalText,
        claimed: DecimalText,
        verifiedOutcomes: Type.Integer(),
        claimedOutcomes: Type.Integer(),
        beside: Type.Record(Type.String(), DecimalText),
        besideVerified: Type.Record(Type.String(), DecimalText),
        verifiedByBasis: VerifiedByBasis,
      }),
      adjustments: Adjustments,
      return: nullable(RatioText),
      returnNote: nullable(Type.String()),
      detail: Type.Optional(PodDetail),
    }),
  ),
  unattributed: Type.Object({
    cost: DecimalText,
    verified: DecimalText,
    claimed: DecimalText,
    adjustments: Adjustments,
    verifiedByBasis: VerifiedByBasis,
    detail: Type.Optional(OutcomesDetail),
  }),
  total: Type.Object({
    cost: DecimalText,
    verified: DecimalText,
    claimed: DecimalText,
    adjustments: Adjustments,
    return: nullable(RatioText),
    returnOnTotal: nullable(RatioText),
  }),
  coverage: Type.Object({ cost: nullable(RatioText), joined: nullable(RatioText) }),
  method: Type.String(),
  retractions: Type.Optional(
    Type.Array(
      Type.Object({
        podId: nullable(Type.String({ description: 'Null for what belonged to nobody.' })),
        outcomeId: Type.String(),
        title: Type.String(),
        retractedAt: InstantText,
        reason: Type.String(),
        amount: nullable(
          Type.String({ ...DecimalText, description: 'What had counted until then, over the whole schedule.' }),
        ),
        verified: nullable(
          Type.String({ ...DecimalText, description: 'How much of it as verified; the rest was claimed.' }),
        ),
        currency: nullable(CurrencyCode),
      }),
      { description: 'Of the period’s days, one per party that had a share; with `detail`.' },
    ),
  ),
  detailMethod: Type.Optional(Type.String()),
  asNow: AsNow,
});

/** A row has a member per dimension of `by`, null where there is none, and `billingCurrency` where nothing is converted. */
const CostRow = Type.Object(FourCosts, { additionalProperties: nullable(Type.String()) });

export const CostsReport = Type.Object({
  asKnown: AsKnownField,
  period: Period,
  currency: Type.String(),
  by: Type.Array(Type.String()),
  where: Type.Array(Type.String()),
  state: Type.String(),
  statementId: nullable(Type.String()),
  dataAsOf: nullable(InstantText),
  rulebook: Type.Integer(),
  rows: Type.Array(CostRow),
  total: Type.Union([CostRow, Type.Array(CostRow)]),
  asNow: AsNow,
});

const LoadKey = { sourceId: Type.String(), billingPeriod: Type.String(), loadId: Type.String() };

const ElsewhereRow = Type.Object({
  ...LoadKey,
  chargeMonth: Type.String(),
  billingCurrency: CurrencyCode,
  metric: COST_METRIC,
  ingested: DecimalText,
  statementId: RowStatement,
});

export const ReconciliationReport = Type.Object({
  asKnown: AsKnownField,
  period: Period,
  ...ClosedHead,
  rulebook: Type.Integer(),
  dataAsOf: nullable(InstantText),
  rows: Type.Array(
    Type.Object({
      ...LoadKey,
      billingCurrency: CurrencyCode,
      metric: COST_METRIC,
      file: DecimalText,
      ingested: DecimalText,
      attributed: DecimalText,
      unattributed: DecimalText,
      difference: DecimalText,
      invoice: nullable(DecimalText),
      invoiceDifference: nullable(DecimalText),
      statementId: RowStatement,
    }),
  ),
  billedHereChargedElsewhere: Type.Array(ElsewhereRow),
  chargedHereBilledElsewhere: Type.Array(ElsewhereRow),
});

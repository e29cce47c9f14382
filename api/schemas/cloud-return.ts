/** The CIO's quarter over HTTP: the shape of `outturn report cloud-return --json`. */
import { Type } from 'typebox';
import { COST_METRIC, CurrencyCode, DateText, DecimalText, InstantText, nullable, oneOf, RatioText } from './common.ts';
import { EnablingView } from './enabling.ts';
import { ValuePerPodReport } from './reports.ts';

export const CloudReturnQuery = Type.Object(
  {
    quarter: Type.String({ minLength: 7, maxLength: 7, description: 'A fiscal quarter, such as 2026-Q3.' }),
  },
  { additionalProperties: false },
);

const State = oneOf(
  ['open', 'closed', 'mixed'],
  'mixed: closed months from their statements, the others as now known.',
);
const Rows = (description: string) => Type.Array(Type.Record(Type.String(), Type.Unknown()), { description });

const QuarterFigures = Type.Object({
  period: Type.String(),
  state: State,
  statementId: nullable(Type.String()),
  cost: DecimalText,
  estimated: DecimalText,
  verified: DecimalText,
  claimed: DecimalText,
  return: nullable(RatioText),
  returnOnTotal: nullable(RatioText),
  coverage: Type.Object({ cost: nullable(RatioText), joined: nullable(RatioText) }),
});

const ComparedQuarter = Type.Object({
  period: Type.String(),
  through: Type.Optional(
    nullable({
      ...DateText,
      description: 'The last of its days that are compared, as many as the asked quarter has; null: all.',
    }),
  ),
  figures: nullable(QuarterFigures),
  costChange: nullable(DecimalText),
  costChangeRatio: nullable(RatioText),
  note: nullable(Type.String({ description: 'Why it cannot be compared with.' })),
});

const NamedPods = Type.Array(
  Type.Object({
    podId: Type.String(),
    name: Type.String(),
    cost: DecimalText,
    verified: DecimalText,
    claimed: DecimalText,
    return: nullable(RatioText),
    returnNote: nullable(Type.String()),
    harm: Type.Optional({ ...DecimalText, description: 'What its verified value is below nothing.' }),
  }),
);

const Bridge = nullable(
  Type.Object(
    {
      from: Type.String(),
      through: Type.Optional({
        ...DateText,
        description: 'The last day of `from` that counts, where the asked quarter goes on.',
      }),
      opening: DecimalText,
      steps: Type.Array(
        Type.Object({
          step: Type.String(),
          amount: DecimalText,
          moved: Type.Optional(nullable(DecimalText)),
          drivers: Type.Array(Type.Object({ name: Type.String(), amount: DecimalText })),
        }),
      ),
      closing: DecimalText,
      residual: DecimalText,
      rates: Type.Array(Type.Object({ currency: CurrencyCode, rate: DecimalText })),
    },
    { description: 'opening + steps = closing, exactly; null without a quarter before.' },
  ),
);

const SinceStart = Type.Object(
  {
    since: DateText,
    cost: DecimalText,
    verified: DecimalText,
    return: nullable(RatioText),
    returnOnTotal: nullable(RatioText),
    coverage: Type.Object({ cost: nullable(RatioText), joined: nullable(RatioText) }),
  },
  { description: 'Of all days up to the quarter’s last one, for benefit lags cost: the value report of these days.' },
);

export const CloudReturnReport = Type.Object({
  organisation: Type.String(),
  quarter: Type.Object({ id: Type.String(), start: DateText, end: DateText, through: nullable(DateText) }),
  days: Type.Object({ counted: Type.Integer(), all: Type.Integer() }),
  currency: CurrencyCode,
  costMetric: COST_METRIC,
  revenueBasis: oneOf(['margin', 'gross'], 'Which revenue enters the return.'),
  state: State,
  statementId: nullable(Type.String()),
  madeOn: DateText,
  dataAsOf: nullable(InstantText),
  rulebook: Type.Integer(),
  billingOpenUntil: nullable(InstantText),
  headline: Type.Array(Type.String(), { description: 'The first page in sentences.' }),
  summary: Type.Object({
    figures: QuarterFigures,
    approved: nullable(
      Type.Object({
        of: oneOf(['organisation', 'pods'], 'Whose envelopes.'),
        pods: nullable(Type.Integer()),
        podsOtherwise: nullable(Type.Integer({ description: 'Pods with one in another currency, not added.' })),
        limit: DecimalText,
        actual: DecimalText,
        used: nullable(RatioText),
      }),
    ),
    sinceStart: Type.Optional(nullable(SinceStart)),
    lastQuarter: ComparedQuarter,
    yearAgo: ComparedQuarter,
    withoutVerifiedOutcome: Type.Object({ cost: DecimalText, share: nullable(RatioText), pods: Type.Integer() }),
    best: NamedPods,
    unexplained: NamedPods,
    decisions: Rows('What waits for a decision: kind, count, amounts, items.'),
    comments: Rows('What owners signed, by pod; no notes: no comment by the owner.'),
  }),
  scorecard: Type.Array(QuarterFigures),
  costBridge: Bridge,
  valueBridge: Bridge,
  adjustments: Type.Object({ cost: DecimalText, value: DecimalText }),
  outcomes: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description:
        'verifiedByBasis, claims by age and confidence, each outcome once. Absent, with the others that may be, in quarters kept before it was shown.',
    }),
  ),
  retractions: ValuePerPodReport.properties.retractions,
  envelopes: Type.Object({
    scopes: Rows('As `outturn envelopes` of the quarter.'),
    podsWithout: Type.Array(Type.String()),
  }),
  pods: ValuePerPodReport.properties.pods,
  enabling: Type.Optional(EnablingView.properties.pods),
  unitCosts: Rows('By outcome type: unit, and quantity, cost and unit cost by quarter.'),
  movers: nullable(Type.Record(Type.String(), Type.Unknown(), { description: 'up, down, rest and change.' })),
  unattributed: Type.Record(Type.String(), Type.Unknown(), {
    description: 'rows, rest, cost, verified, claimed and owner.',
  }),
  drift: Rows('As `outturn report alerts`.'),
  alerts: Type.Record(Type.String(), Type.Unknown(), { description: 'As `outturn report alerts`.' }),
  method: Type.Record(Type.String(), Type.Unknown()),
});

/** Plans in money over HTTP: the shapes of `outturn plan --json` and `outturn plans --json`. */
import { Type } from 'typebox';
import { PAGE_QUERY } from '../paging.ts';
import { COST_METRIC, CurrencyCode, DecimalText, Id, InstantText, nullable, oneOf } from './common.ts';

const COUNT_TEXT = Type.String({ pattern: '^\\d+$', description: 'A count.' });

export const PlanBody = Type.Object(
  {
    organisation: Type.String({ minLength: 1, description: 'The text of the organisation file (YAML).' }),
    fxFiles: Type.Optional(
      Type.Array(
        Type.Object(
          { name: Type.String({ minLength: 1, maxLength: 500 }), text: Type.String() },
          { additionalProperties: false },
        ),
        { maxItems: 100, description: 'Exchange rate files (CSV). If absent, the rates stay as they are.' },
      ),
    ),
  },
  { additionalProperties: false },
);

export const PlansQuery = Type.Object({ ...PAGE_QUERY }, { additionalProperties: false });
export const PlanParams = Type.Object({ planId: Id }, { additionalProperties: false });

const Moved = {
  currency: CurrencyCode,
  from: DecimalText,
  to: DecimalText,
  difference: DecimalText,
};

const Cost = Type.Object({ currency: CurrencyCode, cost: DecimalText });

const OriginsMoved = Type.Object({
  count: Type.Integer(),
  lines: COUNT_TEXT,
  costs: Type.Array(Cost),
  biggest: Type.Array(
    Type.Object({
      originId: Type.String(),
      providerName: nullable(Type.String()),
      subAccountId: nullable(Type.String()),
      serviceName: nullable(Type.String()),
      resourceId: nullable(Type.String()),
      fromRule: nullable(Type.String()),
      fromPod: nullable(Type.String()),
      toRule: nullable(Type.String()),
      toPod: nullable(Type.String()),
      lines: COUNT_TEXT,
      currency: CurrencyCode,
      cost: DecimalText,
    }),
  ),
});

const Money = Type.Object({
  currency: CurrencyCode,
  costMetric: COST_METRIC,
  figuresVersion: Type.String({ description: 'The counter of figures it was told on.' }),
  unchanged: Type.Boolean(),
  changedRates: Type.Integer(),
  pods: Type.Array(
    Type.Object({
      podId: nullable(Type.String({ description: 'Null: the unattributed cost.' })),
      month: Type.String(),
      statementId: nullable(Type.Integer({ description: 'The statement that closed the month; it stays as it is.' })),
      ...Moved,
    }),
  ),
  others: Type.Array(Type.Object({ ...Moved, rows: Type.Integer(), changed: Type.Integer() })),
  totals: Type.Array(Type.Object(Moved)),
  adjustments: Type.Array(
    Type.Object({
      podId: nullable(Type.String()),
      month: Type.String(),
      statementId: Type.Integer(),
      currency: CurrencyCode,
      amount: DecimalText,
    }),
  ),
  linesAffected: COUNT_TEXT,
  rules: Type.Array(
    Type.Object({
      ruleId: nullable(Type.String({ description: 'Null: no rule.' })),
      currency: CurrencyCode,
      gained: DecimalText,
      gainedLines: COUNT_TEXT,
      lost: DecimalText,
      lostLines: COUNT_TEXT,
    }),
  ),
  rulesLeftOut: Type.Integer(),
  origins: Type.Object({ attributed: OriginsMoved, lost: OriginsMoved }),
});

const Standing = nullable(
  Type.Object({
    limit: DecimalText,
    currency: CurrencyCode,
    actual: nullable(DecimalText),
    used: nullable(Type.String({ description: 'actual ÷ limit, four decimals.' })),
    rung: nullable(DecimalText),
    state: oneOf(['ok', 'near', 'over'], 'Where it stands.'),
  }),
);

const Envelopes = Type.Object({
  listed: Type.Array(
    Type.Object({
      scope: Type.Object({
        kind: oneOf(['pod', 'portfolio', 'organisation', 'unattributed'], 'Whose it is.'),
        id: nullable(Type.String()),
      }),
      period: Type.String(),
      counts: oneOf(['controlled', 'loaded'], 'Which shared cost it counts.'),
      from: Standing,
      to: Standing,
      alerts: Type.Array(
        Type.Object({
          rung: DecimalText,
          delivery: oneOf(['pending', 'held', 'suppressed'], 'held: waits for finance; suppressed: told to nobody.'),
          reason: oneOf(['spend', 'limit lowered', 'rules', 'past period'], 'What caused the crossing.'),
        }),
      ),
    }),
    { description: 'Envelopes that come, go, get another limit, change their rung or speak.' },
  ),
  leftOut: Type.Integer(),
  otherwiseUsed: Type.Integer({ description: 'Envelopes whose use changes and that stay on their rung.' }),
});

const Noun = Type.String({ description: 'setting, portfolio, pattern, pod, envelope, source or rule.' });
const Value = Type.Unknown({ description: 'As the organisation file has it; null where there is none.' });

const Plan = {
  isFirst: Type.Boolean(),
  unchanged: Type.Boolean({ description: 'Whether the file says what is in force; exchange rates aside.' }),
  rulebook: Type.Object({ current: Type.Integer(), next: nullable(Type.Integer()), changed: Type.Boolean() }),
  changes: Type.Array(
    Type.Object({
      noun: Noun,
      id: Type.String(),
      action: oneOf(['add', 'change', 'remove'], 'What happens to it.'),
      from: Value,
      to: Value,
    }),
  ),
  reordered: Type.Array(Type.String()),
  kept: Type.Array(Type.Object({ noun: Noun, id: Type.String(), base: Value, product: Value })),
  agreed: Type.Array(Type.Object({ noun: Noun, id: Type.String() })),
  conflicts: Type.Array(Type.Object({ noun: Noun, id: Type.String(), base: Value, file: Value, product: Value })),
  warnings: Type.Array(Type.String(), {
    description: 'What is allowed but hardly meant: a split by a metric without quantities.',
  }),
};

export const PlanView = Type.Object({ ...Plan, money: Money, envelopes: Envelopes });

const Listed = {
  planId: Type.String(),
  appliedAt: InstantText,
  appliedBy: Type.String(),
  rulebook: Type.Integer(),
  linesAffected: COUNT_TEXT,
  totals: Type.Array(Type.Object(Moved)),
};

export const ListedPlanView = Type.Object(Listed);
export const StoredPlanView = Type.Object({ ...Listed, plan: Type.Object(Plan), money: Money, envelopes: Envelopes });

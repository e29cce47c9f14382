/** Coverage and tag hygiene over HTTP: the shapes of `outturn report coverage` and `tag-hygiene` with --json. */
import { type TSchema, Type } from 'typebox';
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
import { AsNowQuery, ClosedHead } from './reports.ts';

const Asked = {
  asKnown: AsKnownQuery,
  period: PeriodText,
  metric: Type.Optional(COST_METRIC),
  currency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$', description: 'The reporting currency if absent.' })),
};
export const CoverageQuery = Type.Object({ asNow: AsNowQuery, ...Asked }, { additionalProperties: false });
export const TagHygieneQuery = Type.Object(Asked, { additionalProperties: false });

const NullableText = nullable(Type.String());

const FourCosts = {
  billedCost: DecimalText,
  effectiveCost: DecimalText,
  listCost: DecimalText,
  contractedCost: DecimalText,
};

const Covered = {
  attributed: Type.Object(FourCosts),
  unattributed: Type.Object(FourCosts),
  share: nullable(RatioText),
};

const LEFT_OVER_KIND = oneOf(
  ['no-rule', 'rule', 'split'],
  'No rule matches, a rule says so, or nobody could carry a split.',
);

const Tags = Type.Record(Type.String(), NullableText);

const HEADING = {
  period: Type.Object({ id: Type.String(), start: DateText, end: DateText, through: nullable(DateText) }),
  currency: CurrencyCode,
  costMetric: COST_METRIC,
  dataAsOf: nullable(InstantText),
  rulebook: Type.Integer(),
};

const LeftOver = {
  kind: LEFT_OVER_KIND,
  ruleId: NullableText,
  ...FourCosts,
  lines: Type.Integer(),
  reason: Type.String(),
};

export const CoverageReport = Type.Object({
  asKnown: AsKnownField,
  ...HEADING,
  ...ClosedHead,
  rows: Type.Array(
    Type.Object({
      provider: NullableText,
      billingAccountId: NullableText,
      subAccountId: NullableText,
      subAccountName: NullableText,
      month: Type.String({ pattern: '^\\d{4}-\\d{2}$', description: 'By charge date.' }),
      ...Covered,
    }),
  ),
  byProvider: Type.Array(Type.Object({ provider: NullableText, ...Covered })),
  byMonth: Type.Array(Type.Object({ month: Type.String(), ...Covered })),
  total: Type.Object(Covered),
  reasons: Type.Array(Type.Object({ ...LeftOver, origins: Type.Integer() })),
  origins: Type.Array(
    Type.Object({
      originId: Type.String(),
      ...LeftOver,
      ...Object.fromEntries(
        [
          'provider',
          'billingAccountId',
          'subAccountId',
          'subAccountName',
          'serviceName',
          'regionId',
          'resourceId',
          'resourceName',
          'chargeCategory',
        ].map((name): [string, TSchema] => [name, NullableText]),
      ),
      tags: Tags,
    }),
  ),
  suggestions: Type.Array(
    Type.Object({
      ruleId: Type.String(),
      by: oneOf(['tag', 'resourceName', 'account', 'service'], 'What it tests.'),
      pods: Type.Array(Type.String(), { description: 'Empty where the pod is to be chosen.' }),
      cost: DecimalText,
      share: nullable(RatioText),
      lines: Type.Integer(),
      origins: Type.Integer(),
      yaml: Type.String({ description: 'An entry of `rules` of the organisation file.' }),
    }),
  ),
  notConsidered: nullable(
    Type.Object(
      { cost: DecimalText, lines: Type.Integer(), origins: Type.Integer() },
      {
        description: 'What no rule matches in parts too small to be looked at for suggestions; null where nothing is.',
      },
    ),
  ),
});

const Finding = {
  key: Type.String(),
  cost: DecimalText,
  unattributedCost: DecimalText,
  lines: Type.Integer(),
  origins: Type.Integer(),
  example: Type.Object({ originId: Type.String(), resourceId: NullableText, tags: Tags }),
  fix: Type.String({ description: 'What to write into the organisation file.' }),
};

export const TagHygieneReport = Type.Object({
  asKnown: AsKnownField,
  ...HEADING,
  foldsTags: Type.Boolean(),
  keys: Type.Array(
    Type.Object({
      ...Finding,
      meant: Type.String(),
      fault: oneOf(['case', 'spelling', 'typo'], 'How it differs from the key that is meant.'),
    }),
  ),
  values: Type.Array(
    Type.Object({
      ...Finding,
      value: Type.String(),
      fault: oneOf(['case', 'spelling', 'typo', 'unknown-pod', 'not-active'], 'Why it gave the charge to no pod.'),
      pod: NullableText,
    }),
  ),
});

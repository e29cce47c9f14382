/** Usage metrics and their quantities over HTTP. */
import { Type } from 'typebox';
import { PAGE_QUERY } from '../paging.ts';
import { SHEET_QUERY } from '../sheet-body.ts';
import { CurrencyCode, DateText, DecimalText, Id, InstantText, nullable, oneOf } from './common.ts';

const QUANTITIES_MAX = 20_000;

const Stretch = Type.Object({ from: DateText, until: DateText });

export const MetricView = Type.Object({
  metricId: Id,
  unit: nullable(
    Type.String({ description: 'Null: no quantities yet; what rules share by it falls to unattributed.' }),
  ),
  grain: nullable(oneOf(['day', 'month', 'mixed'], 'What its quantities are stated by.')),
  from: nullable(DateText),
  until: nullable(DateText),
  pods: Type.Integer(),
  quantities: Type.Integer(),
  total: DecimalText,
  gaps: Type.Array(Stretch, { description: 'Dates within its span (half-open) for which no pod has a quantity.' }),
  rules: Type.Array(Type.String(), { description: 'Rules in force that split by it.' }),
  uncarried: Type.Array(
    Type.Object({ ruleId: Id, month: Type.String(), billingCurrency: CurrencyCode, effectiveCost: DecimalText }),
    { description: 'Shared cost of these rules that nobody carries.' },
  ),
});

export const QuantityView = Type.Object({
  quantityId: Type.String(),
  podId: Id,
  period: Type.String({ description: 'A day or a month.' }),
  quantity: DecimalText,
  knownFrom: InstantText,
  knownUntil: nullable(InstantText),
  source: Type.String({ description: 'The file it came in, or api.' }),
  recordedBy: Type.String(),
});

export const PageQuery = Type.Object(PAGE_QUERY, { additionalProperties: false });

export const MetricParams = Type.Object({ metricId: Type.String({ minLength: 1, maxLength: 100 }) });

const DryRun = Type.Optional(Type.Boolean({ description: 'Check everything and change nothing.' }));

export const QuantityImportQuery = Type.Object(
  {
    fileName: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'What messages and the history call the sheet.' }),
    ),
    dryRun: DryRun,
    ...SHEET_QUERY,
  },
  { additionalProperties: false },
);

export const QuantityBody = Type.Object(
  {
    unit: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'What a new metric counts.' })),
    quantities: Type.Array(
      Type.Object(
        {
          pod: Type.String({ minLength: 1, maxLength: 200 }),
          period: Type.String({ minLength: 7, maxLength: 10, description: 'A day (2026-09-14) or a month (2026-09).' }),
          quantity: Type.String({
            minLength: 1,
            maxLength: 60,
            description: 'An exact decimal, 0 or more; "withdrawn" takes back what was stated before.',
          }),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: QUANTITIES_MAX },
    ),
    dryRun: DryRun,
  },
  { additionalProperties: false },
);

export const QuantityImportView = Type.Object({
  dryRun: Type.Boolean(),
  rows: Type.Integer(),
  added: Type.Integer(),
  changed: Type.Integer(),
  withdrawn: Type.Integer(),
  unchanged: Type.Integer(),
  metrics: Type.Array(
    Type.Object({ metricId: Id, unit: Type.String(), isNew: Type.Boolean(), from: DateText, until: DateText }),
  ),
  rebuiltMonths: Type.Array(Type.String(), { description: 'Charge months whose shared cost was split anew.' }),
});

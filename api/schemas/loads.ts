/** Loads over HTTP: the shapes of `outturn ingest --json`. */
import { Type } from 'typebox';
import { LOAD_STATES } from '../../services/billing/list-loads.ts';
import { PAGE_QUERY } from '../paging.ts';
import { CurrencyCode, DateText, DecimalText, Id, nullable, oneOf } from './common.ts';

export const LoadQuery = Type.Object(
  {
    ...PAGE_QUERY,
    sourceId: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Only loads of this source.' })),
    state: Type.Optional(oneOf(LOAD_STATES, 'Only loads in this state.')),
  },
  { additionalProperties: false },
);

export const SyncBody = Type.Object(
  {
    sourceId: Type.String({ minLength: 1, maxLength: 200, description: 'A source of the organisation file.' }),
    mayDropAccounts: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Lets billing accounts of the published load disappear. Role operator only.',
      }),
    ),
    period: Type.Optional(
      Type.String({
        minLength: 4,
        maxLength: 30,
        description: 'A backfill: fetches the billing periods that touch it (2026-09, 2026-Q3, 2026), however old.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const StartedSync = Type.Object({
  sourceId: Id,
  job: Type.Object({
    name: Type.Literal('sync-source'),
    jobId: Type.String({ description: 'Its id in the queue and in the log.' }),
  }),
});

const FourCosts = Type.Array(
  Type.Object({
    billingCurrency: CurrencyCode,
    billedCost: DecimalText,
    effectiveCost: DecimalText,
    listCost: DecimalText,
    contractedCost: DecimalText,
  }),
);

const LoadWarning = Type.Object({
  code: oneOf(
    ['overlapping_scope', 'overlapping_files'],
    'Another source bills the same usage, or files of this load repeat each other.',
  ),
  message: Type.String({ description: 'A sentence for people.' }),
  otherLoadId: Type.String(),
  otherSourceId: Id,
  firstChargeDate: DateText,
  lastChargeDate: DateText,
  scopes: Type.Array(
    Type.Object({
      providerName: Type.String(),
      billingAccountId: Type.String(),
      subAccountId: nullable(Type.String()),
    }),
    { description: 'The first accounts that both bill.' },
  ),
  scopeCount: Type.Integer(),
  sameCharges: Type.String({ pattern: '^\\d+$', description: 'Charges equal to the last decimal in both.' }),
  atStake: FourCosts,
});

export const LoadViewSchema = Type.Object({
  loadId: Type.String(),
  sourceId: Id,
  billingPeriod: Type.String({ description: '2026-09, or start..end where it is no calendar month.' }),
  state: oneOf(LOAD_STATES, 'What became of it.'),
  unchanged: Type.Boolean(),
  rows: Type.Integer(),
  rejectedRows: Type.Integer(),
  files: Type.Array(
    Type.Object({
      name: Type.String(),
      sha256: Type.String(),
      rows: Type.Integer(),
      dialect: nullable(Type.String({ description: 'The bill format: focus, or a provider’s own such as aws-cur.' })),
      assumedCurrency: Type.Optional(CurrencyCode),
    }),
  ),
  totals: FourCosts,
  finality: oneOf(['estimated', 'final'], 'final: every charge has its invoice id.'),
  warnings: Type.Array(LoadWarning),
});

/** Outcomes over HTTP. What may be stated is the domain's own schema. */
import { Type } from 'typebox';
import { OUTCOME_INPUT } from '../../services/outcomes/statement/outcome-input.ts';
import {
  BASES,
  BASIS_POINTS_WHOLE,
  CONFIDENCE_GRADES,
  EFFECTS,
  OUTCOME_STATES,
} from '../../services/outcomes/outcome.ts';
import { PAGE_QUERY } from '../paging.ts';
import { SHEET_QUERY } from '../sheet-body.ts';
import { CurrencyCode, DateText, DecimalText, Id, InstantText, nullable, oneOf } from './common.ts';

export const OutcomeBody = OUTCOME_INPUT;

export const OutcomeQuery = Type.Object(
  {
    ...PAGE_QUERY,
    state: Type.Optional(oneOf(OUTCOME_STATES, 'Only outcomes in this state.')),
    podId: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Only outcomes this pod has a share of.' }),
    ),
  },
  { additionalProperties: false },
);

export const ImportQuery = Type.Object(
  {
    workbook: Type.String({
      minLength: 1,
      maxLength: 200,
      description:
        'The name of the sheet, which its row ids belong to. The same name and row again is the same outcome.',
    }),
    dryRun: Type.Optional(Type.Boolean({ description: 'Check everything and change nothing.' })),
    ...SHEET_QUERY,
  },
  { additionalProperties: false },
);

const Change = oneOf(['created', 'changed', 'unchanged'], 'What became of it.');
const Notes = Type.Array(Type.String(), {
  description: 'What did not go as asked, such as a verification that lands as a claim.',
});

export const CreatedOutcomeView = Type.Object({
  outcomeId: Type.String(),
  change: Change,
  version: Type.Integer(),
  state: Type.String(),
  notes: Notes,
});

export const OutcomeImportView = Type.Object({
  workbook: Type.String(),
  dryRun: Type.Boolean(),
  rows: Type.Integer(),
  created: Type.Integer(),
  changed: Type.Integer(),
  unchanged: Type.Integer(),
  verified: Type.Object(
    {
      outcomes: Type.Integer(),
      amounts: Type.Array(Type.Object({ currency: Type.String(), amount: DecimalText }), {
        description: 'Of every basis, dis-benefits taken off.',
      }),
    },
    { description: 'What this import verified: rows that somebody else had stated just like this.' },
  ),
  outcomes: Type.Array(
    Type.Object({
      sourceRowId: Type.String(),
      line: Type.Integer(),
      outcomeId: nullable(Type.String()),
      change: Change,
      version: Type.Integer(),
      state: Type.String(),
      notes: Notes,
    }),
  ),
});

export const OutcomeViewSchema = Type.Object({
  outcomeId: Type.String(),
  version: Type.Integer(),
  state: Type.String(),
  title: Type.String(),
  outcomeType: nullable(Type.String()),
  unit: nullable(Type.String()),
  quantity: nullable(DecimalText),
  basis: oneOf(BASES, 'What kind of value it is.'),
  grossOrMargin: nullable(oneOf(['gross', 'margin'], 'What revenue it is.')),
  amount: nullable(DecimalText),
  amountLow: nullable(DecimalText),
  amountHigh: nullable(DecimalText),
  currency: nullable(CurrencyCode),
  deliveredOn: DateText,
  recordedAt: InstantText,
  ownerEmail: Type.String(),
  baseline: nullable(Type.String()),
  evidenceUrl: nullable(Type.String()),
  claimedBy: Type.String(),
  verifiedBy: nullable(Type.String()),
  verifiedAt: nullable(InstantText),
  workbook: nullable(Type.String()),
  sourceRowId: nullable(Type.String()),
  shares: Type.Array(
    Type.Object({
      pod: Id,
      basisPoints: Type.Integer({ minimum: 1, maximum: BASIS_POINTS_WHOLE }),
      agreedBy: nullable(Type.String()),
      agreedAt: nullable(InstantText),
    }),
    { description: 'For a pod: its own shares only.' },
  ),
  unattributedBasisPoints: Type.Integer({ minimum: 0, maximum: BASIS_POINTS_WHOLE }),
  schedule: Type.Array(
    Type.Object({
      ordinal: Type.Integer(),
      from: DateText,
      until: DateText,
      amount: DecimalText,
      verdict: oneOf(['open', 'verified', 'rejected'], 'What the verifier said of it.'),
      verifiedAmount: nullable(DecimalText),
    }),
  ),
  references: Type.Array(Type.Object({ system: Type.String(), key: Type.String(), url: nullable(Type.String()) })),
  effect: oneOf(EFFECTS, 'A dis_benefit counts below zero.'),
  baselineMeasure: nullable(
    Type.Object({
      value: DecimalText,
      from: DateText,
      until: DateText,
      source: Type.String(),
      method: Type.String(),
    }),
  ),
  isOwnBillBaseline: nullable(Type.Boolean()),
  confidence: nullable(
    Type.Object({ grade: oneOf(CONFIDENCE_GRADES, 'A to D; it multiplies nothing.'), reason: Type.String() }),
  ),
  pool: nullable(Type.String()),
  reviewDueOn: nullable(DateText),
  enabledBy: Type.Array(Id),
  claimedAt: nullable(InstantText),
  stateReason: nullable(Type.String({ description: 'Why it is in its state.' })),
  supersededBy: nullable(Type.String()),
  evidenceCount: Type.Integer(),
  brokenEvidenceCount: Type.Integer(),
});

export const EnabledQuery = Type.Object(
  {
    podId: Type.Optional(Type.String({ minLength: 1, description: 'Only those that this pod made possible.' })),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);

export const EnabledOutcomeView = Type.Object({
  outcomeId: Type.String(),
  title: Type.String(),
  state: Type.String(),
  deliveredOn: DateText,
  pods: Type.Array(Id, { description: 'Who has a share of it.' }),
  enabledBy: Type.Array(Id, { description: 'Of the pods asked for, those that made it possible.' }),
});

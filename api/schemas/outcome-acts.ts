/** Acts on outcomes, one outcome with its history, and pools over HTTP. */
import { Type } from 'typebox';
import { CLAIM_INPUT, OUTCOME_INPUT } from '../../services/outcomes/statement/outcome-input.ts';
import { PAGE_QUERY } from '../paging.ts';
import { EvidenceViewSchema } from './evidence.ts';
import { CurrencyCode, DateText, DecimalText, Id, InstantText, nullable, oneOf } from './common.ts';
import { OutcomeViewSchema } from './outcomes.ts';

const TEXT_LENGTH_MAX = 1_000;
const ROWS_MAX = 400;
const CEILINGS_MAX = 400;
const SHARES_MAX = 100;

const text = (description: string) => Type.String({ minLength: 1, maxLength: TEXT_LENGTH_MAX, description });
const closed = { additionalProperties: false } as const;

export const OutcomeParams = Type.Object({ outcomeId: Type.String({ minLength: 1, maxLength: 20 }) });
export const ClaimBody = CLAIM_INPUT;

const Version = Type.Integer({
  minimum: 1,
  description: 'The version that was read, as every answer about the outcome has it; another one by now is a 409.',
});

const reason = text('Why. Whoever claimed it reads it.');
export const RejectBody = Type.Object({ version: Version, reason }, closed);
export const RetractBody = Type.Object({ version: Type.Optional(Version), reason }, closed);

export const VerifyBody = Type.Object(
  {
    version: Version,
    rows: Type.Optional(
      Type.Array(
        Type.Object(
          {
            ordinal: Type.Integer({ minimum: 1, description: 'The row of the schedule, from 1.' }),
            verdict: oneOf(['verified', 'rejected'], 'What the verifier says of it.'),
            verifiedAmount: Type.Optional(
              Type.String({ maxLength: 60, description: 'At most what was claimed; all of it if absent.' }),
            ),
          },
          closed,
        ),
        { minItems: 1, maxItems: ROWS_MAX, description: 'Rows not named stay as they are; all in full if absent.' },
      ),
    ),
    reviewDueOn: Type.Optional(
      Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'From this day on it counts as claimed again.' }),
    ),
    reason: Type.Optional(text('Needed where a row is rejected or verified in part.')),
  },
  closed,
);

export const AgreeBody = Type.Object(
  {
    version: Version,
    pods: Type.Optional(
      Type.Array(Id, { minItems: 1, maxItems: SHARES_MAX, description: 'Every share you may speak for if absent.' }),
    ),
  },
  closed,
);

export const SupersedeBody = Type.Object(
  {
    reason: text('Why.'),
    successorId: Type.Optional(Type.String({ minLength: 1, maxLength: 20, description: 'An outcome that is there.' })),
    successor: Type.Optional(OUTCOME_INPUT),
  },
  { ...closed, description: 'Either successorId or successor.' },
);

export const AnswerDuplicateBody = Type.Object(
  {
    otherId: Type.String({ minLength: 1, maxLength: 20, description: 'The outcome that it may be once more.' }),
    answer: oneOf(['distinct', 'duplicate'], 'distinct opens the way to verification, duplicate closes it.'),
    note: Type.Optional(text('Why.')),
  },
  closed,
);

const Notes = Type.Array(Type.String(), {
  description: 'What did not go as asked, and what came of it beside: corrections of closed months.',
});

export const ActedView = Type.Object({
  outcomeId: Type.String(),
  change: oneOf(['changed', 'unchanged'], 'Whether anything changed.'),
  version: Type.Integer(),
  state: Type.String(),
  notes: Notes,
});

export const AnsweredView = Type.Object({
  ...ActedView.properties,
  otherId: Type.String(),
  answer: oneOf(['distinct', 'duplicate'], 'What was answered.'),
});

export const VerifiedView = Type.Object({
  ...ActedView.properties,
  currency: nullable(CurrencyCode),
  claimedAmount: nullable(DecimalText),
  verifiedAmount: nullable(DecimalText),
});

const Missing = Type.Array(
  Type.Object({
    gate: oneOf(
      ['delivery', 'baseline', 'own_bill', 'evidence', 'range', 'shares', 'duplicate', 'pool', 'review'],
      'What is not passed.',
    ),
    reason: Type.String(),
    fix: Type.String(),
  }),
  { description: 'What stands between it and verification.' },
);

export const ReviewedView = Type.Object({ ...ActedView.properties, missing: Missing });
export const SupersededView = Type.Object({ ...ActedView.properties, successorId: Type.String() });

export const ShownOutcomeView = Type.Object({
  ...OutcomeViewSchema.properties,
  missing: nullable(Missing),
  supersedes: Type.Array(Type.String(), { description: 'The outcomes whose place it took.' }),
  evidence: Type.Array(EvidenceViewSchema),
  duplicates: Type.Array(
    Type.Object({
      outcomeId: Type.String(),
      title: Type.String(),
      state: Type.String(),
      reason: Type.String(),
      answer: nullable(oneOf(['distinct', 'duplicate'], 'What finance answered.')),
      answeredBy: nullable(Type.String()),
      note: nullable(Type.String()),
    }),
  ),
  history: Type.Array(
    Type.Object({
      version: Type.Integer(),
      state: Type.String(),
      act: Type.String({ description: 'stated, claimed, review-started, verified, rejected, retracted, …' }),
      reason: nullable(Type.String()),
      at: InstantText,
      principal: Type.String(),
    }),
    { description: 'Append-only, the first version first.' },
  ),
});

export const PoolQuery = Type.Object(PAGE_QUERY, closed);

export const PoolBody = Type.Object(
  {
    id: Type.String({
      pattern: '^[a-z0-9][a-z0-9-]*$',
      maxLength: 100,
      description: 'Small letters, digits, hyphens.',
    }),
    name: text('Its name.'),
    metric: text('What its outcomes share, such as churn.'),
    currency: CurrencyCode,
    ceilings: Type.Array(
      Type.Object(
        { from: DateText, until: DateText, ceiling: DecimalText },
        { ...closed, description: 'Half-open: the last day is the one before `until`.' },
      ),
      { maxItems: CEILINGS_MAX, description: 'All of them: what is not named is taken away.' },
    ),
  },
  closed,
);

export const SetPoolView = Type.Object({
  poolId: Type.String(),
  change: oneOf(['created', 'changed', 'unchanged'], 'What became of it.'),
});

export const PoolViewSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  metric: Type.String(),
  currency: CurrencyCode,
  outcomes: nullable(Type.Integer({ description: 'Outcomes that name it, in any state; null for a pod.' })),
  ceilings: Type.Array(
    Type.Object({
      from: DateText,
      until: DateText,
      ceiling: DecimalText,
      used: DecimalText,
      left: DecimalText,
      setBy: Type.String(),
      setAt: InstantText,
    }),
  ),
});

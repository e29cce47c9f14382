/**
 * The JSON form of a stated outcome: the body of POST /outcomes. The schema holds the form (types, patterns, lengths); what fields
 * mean together is checked by check-outcome.ts, for JSON and sheets alike. Money and counts are decimal text, never numbers.
 */
import { type Static, Type } from 'typebox';
import { BASES, BASIS_POINTS_WHOLE, CONFIDENCE_GRADES, EFFECTS, STATED_STATES } from '../outcome.ts';

const TEXT_LENGTH_MAX = 1_000;
const SHARES_MAX = 100;
const SCHEDULE_ROWS_MAX = 400;
const REFERENCES_MAX = 20;
const EVIDENCE_MAX = 20;
const DECIMAL_PATTERN = '^[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d{1,3})?$';

const words = <Word extends string>(list: readonly Word[], description: string) =>
  Type.Unsafe<Word>({ type: 'string', enum: [...list], description });
const text = (description: string) => Type.String({ minLength: 1, maxLength: TEXT_LENGTH_MAX, description });
const date = (description: string) => Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description });
const decimalText = (description: string) => Type.String({ pattern: DECIMAL_PATTERN, maxLength: 60, description });

const BASELINE = Type.Object(
  {
    text: Type.Optional(text('In words.')),
    value: Type.Optional(decimalText('What it was.')),
    from: Type.Optional(date('The first day it was measured on.')),
    until: Type.Optional(date('The day after the last.')),
    source: Type.Optional(text('Where the value is from.')),
    method: Type.Optional(text('How it was measured.')),
    isOwnBill: Type.Optional(
      Type.Boolean({
        description:
          'Whether it is spend in our own bills: a smaller bill already shows in the cost. cost_reduction says.',
      }),
    ),
  },
  { additionalProperties: false, description: 'In words, or as value, period, source and method.' },
);

export const OUTCOME_INPUT = Type.Object(
  {
    title: text('What was delivered, in a line.'),
    deliveredOn: date('The day it was delivered.'),
    basis: words(BASES, 'What kind of value it is.'),
    ownerEmail: text('Who answers for the benefit.'),
    shares: Type.Array(
      Type.Object(
        {
          pod: text('The id of a pod.'),
          basisPoints: Type.Integer({ minimum: 1, maximum: BASIS_POINTS_WHOLE }),
          agreedBy: Type.Optional(text('Who agreed to it: yourself for your own pod. Finance settles what it states.')),
        },
        { additionalProperties: false },
      ),
      {
        minItems: 1,
        maxItems: SHARES_MAX,
        description: 'Pods and their basis points; what is missing to 10000 is unattributed.',
      },
    ),
    outcomeType: Type.Optional(text('A type; each type counts in one unit.')),
    quantity: Type.Optional(decimalText('How many units.')),
    unit: Type.Optional(text('The unit of the quantity.')),
    grossOrMargin: Type.Optional(words(['gross', 'margin'], 'For revenue only.')),
    amount: Type.Optional(decimalText('The value in money.')),
    amountLow: Type.Optional(decimalText('The lower end of the range; required for risk_reduced.')),
    amountHigh: Type.Optional(decimalText('The upper end of the range; required for risk_reduced.')),
    currency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217.' })),
    recogniseFrom: Type.Optional(date('The first day the amount counts; deliveredOn if absent.')),
    recogniseUntil: Type.Optional(date('The first day it no longer counts; the day after recogniseFrom if absent.')),
    schedule: Type.Optional(
      Type.Array(
        Type.Object(
          {
            from: date('First day.'),
            until: date('The day after the last.'),
            amount: decimalText('Its part of the amount.'),
          },
          { additionalProperties: false },
        ),
        {
          minItems: 1,
          maxItems: SCHEDULE_ROWS_MAX,
          description: 'Instead of recogniseFrom and recogniseUntil; sums to the amount.',
        },
      ),
    ),
    baseline: Type.Optional(Type.Union([text('What it is measured against, in words.'), BASELINE])),
    effect: Type.Optional(
      words(EFFECTS, 'benefit if absent. A dis_benefit is stated like a benefit and counts below zero.'),
    ),
    confidence: Type.Optional(
      Type.Object(
        {
          grade: words(CONFIDENCE_GRADES, 'A to D.'),
          reason: text('Why.'),
        },
        { additionalProperties: false, description: 'Shown beside the value; it multiplies nothing.' },
      ),
    ),
    pool: Type.Optional(text('The id of a shared metric with a ceiling, set by finance.')),
    reviewDueOn: Type.Optional(date('From this day on verified value counts as claimed until it is measured again.')),
    enabledBy: Type.Optional(
      Type.Array(text('The id of a pod.'), { maxItems: SHARES_MAX, description: 'Pods that made it possible.' }),
    ),
    evidenceUrl: Type.Optional(text('Where the evidence is.')),
    evidence: Type.Optional(
      Type.Array(
        Type.Object(
          {
            url: text('Its web address.'),
            title: Type.Optional(text('What it is.')),
            sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of what was found there.' })),
          },
          { additionalProperties: false },
        ),
        { maxItems: EVIDENCE_MAX, description: 'Added to what is there already.' },
      ),
    ),
    references: Type.Optional(
      Type.Array(
        Type.Object(
          { system: text('Such as jira.'), key: text('Its key there.'), url: Type.Optional(text('Its address.')) },
          { additionalProperties: false },
        ),
        { maxItems: REFERENCES_MAX, description: 'The same reference again names the same outcome.' },
      ),
    ),
    state: Type.Optional(
      words(STATED_STATES, 'claimed if absent. verified: what somebody else recorded just like this, by finance.'),
    ),
    verifiedBy: Type.Optional(text('Who verifies it: whoever sends this, if at all; another name lands as claimed.')),
  },
  { additionalProperties: false },
);

export type OutcomeInput = Static<typeof OUTCOME_INPUT>;

/** What a claim of a known outcome may change: any field; what is absent stays as it is. */
export const CLAIM_INPUT = Type.Omit(Type.Partial(OUTCOME_INPUT), ['state', 'verifiedBy'], {
  additionalProperties: false,
});

export type ClaimInput = Static<typeof CLAIM_INPUT>;

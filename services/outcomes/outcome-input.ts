/**
 * The JSON form of a stated outcome: the body of POST /outcomes. The schema holds the form (types, patterns, lengths); what fields
 * mean together is checked by check-outcome.ts, for JSON and sheets alike. Money and counts are decimal text, never numbers.
 */
import { type Static, Type } from 'typebox';
import { BASES, BASIS_POINTS_WHOLE, STATED_STATES } from './outcome.ts';

const TEXT_LENGTH_MAX = 1_000;
const SHARES_MAX = 100;
const SCHEDULE_ROWS_MAX = 400;
const REFERENCES_MAX = 20;
const DECIMAL_PATTERN = '^[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d{1,3})?$';

const words = <Word extends string>(list: readonly Word[], description: string) =>
  Type.Unsafe<Word>({ type: 'string', enum: [...list], description });
const text = (description: string) => Type.String({ minLength: 1, maxLength: TEXT_LENGTH_MAX, description });
const date = (description: string) => Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description });
const decimalText = (description: string) => Type.String({ pattern: DECIMAL_PATTERN, maxLength: 60, description });

export const OUTCOME_INPUT = Type.Object(
  {
    title: text('What was delivered, in a line.'),
    deliveredOn: date('The day it was delivered.'),
    basis: words(BASES, 'What kind of value it is.'),
    ownerEmail: text('Who answers for the benefit.'),
    shares: Type.Array(
      Type.Object(
        { pod: text('The id of a pod.'), basisPoints: Type.Integer({ minimum: 1, maximum: BASIS_POINTS_WHOLE }) },
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
    baseline: Type.Optional(text('What it is measured against.')),
    evidenceUrl: Type.Optional(text('Where the evidence is.')),
    references: Type.Optional(
      Type.Array(
        Type.Object(
          { system: text('Such as jira.'), key: text('Its key there.'), url: Type.Optional(text('Its address.')) },
          { additionalProperties: false },
        ),
        { maxItems: REFERENCES_MAX, description: 'The same reference again names the same outcome.' },
      ),
    ),
    state: Type.Optional(words(STATED_STATES, 'claimed if absent; verified needs role finance and verifiedBy.')),
    verifiedBy: Type.Optional(text('Who verified it: neither its owner nor of a receiving pod.')),
  },
  { additionalProperties: false },
);

export type OutcomeInput = Static<typeof OUTCOME_INPUT>;

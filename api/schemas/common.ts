/**
 * The vocabulary of every schema: money as decimal text, dates and instants as text, problem documents. A number is only ever a
 * count.
 */
import { type TSchema, Type } from 'typebox';

/** Money and quantities: plain decimal text, no exponent, any precision. */
export const DecimalText = Type.String({ pattern: '^-?\\d+(\\.\\d+)?$', description: 'An exact decimal.' });
/** Four decimals, half-even. */
export const RatioText = Type.String({ pattern: '^-?\\d+\\.\\d{4}$', description: 'A ratio with four decimals.' });
export const DateText = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'A date, UTC.' });
export const InstantText = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T.+Z$',
  description: 'An instant, RFC 3339, UTC.',
});
export const CurrencyCode = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217.' });
export const Id = Type.String({ minLength: 1, maxLength: 200 });

export function nullable<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

/** One of several words, as a JSON Schema `enum`: shorter to read in the document than a union of constants. */
export function oneOf<const Words extends readonly string[]>(words: Words, description: string) {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], description });
}

export const COST_METRIC = oneOf(
  ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'],
  "A FOCUS cost metric; the organisation's own if absent.",
);

export const PeriodText = Type.String({
  minLength: 4,
  maxLength: 22,
  description:
    '2026-09 (month), 2026-Q3 (fiscal quarter), 2026 (fiscal year) or 2026-09-01..2026-09-15 (end exclusive).',
});

/** RFC 9457. `code` is stable; `detail` is a sentence for people. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable: made for programs.' }),
    detail: Type.String({ description: 'What was found, where, and how to fix it.' }),
    instance: Type.String({ description: "The request's id, as in the log." }),
    faults: Type.Optional(
      Type.Array(
        Type.Object({
          file: Type.Optional(Type.String()),
          line: Type.Optional(Type.Integer()),
          record: Type.Optional(Type.Integer()),
          column: Type.Optional(Type.String()),
          reason: Type.String(),
          fix: Type.Optional(Type.String()),
        }),
      ),
    ),
  },
  { $id: 'Problem' },
);

export const PROBLEM_TYPE = 'application/problem+json';

/** A problem document as a response. */
export function problemResponse(description: string) {
  return { description, content: { [PROBLEM_TYPE]: { schema: { $ref: 'Problem#' } } } };
}

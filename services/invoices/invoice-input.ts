/** The JSON form of a stated invoice: the body of POST /invoices. What the texts mean is checked by check-invoice.ts, as for sheets. */
import { type Static, Type } from 'typebox';

const DECIMAL_PATTERN = '^[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d{1,3})?$';
const text = (description: string) => Type.String({ minLength: 1, maxLength: 200, description });
const money = (description: string) => Type.String({ pattern: DECIMAL_PATTERN, maxLength: 60, description });

export const INVOICE_INPUT = Type.Object(
  {
    invoiceId: text('The number that stands on it. The same number of the same source again is its next version.'),
    source: Type.Optional(text('The source whose bill it is for; "files" if absent.')),
    issuer: Type.Optional(text('Who issued it.')),
    billingAccountId: Type.Optional(
      text('The billing account it is to; absent: every account of the source that no other invoice names.'),
    ),
    billingPeriod: text('2026-09, or 2026-09-15..2026-10-15 (end exclusive).'),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217.' }),
    total: money('What it asks to be paid.'),
    creditsOutsideBill: Type.Optional(money('Credits in the total that the bill does not have, below zero.')),
    taxOutsideBill: Type.Optional(money('Tax in the total that the bill does not have.')),
    tolerance: Type.Optional(money('Up to which a difference is rounding; one minor unit of the currency if absent.')),
    issuedOn: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'Its date.' })),
    state: Type.Optional(
      Type.Unsafe<'issued' | 'void'>({ type: 'string', enum: ['issued', 'void'], description: 'issued if absent.' }),
    ),
  },
  { additionalProperties: false },
);

export type InvoiceInput = Static<typeof INVOICE_INPUT>;

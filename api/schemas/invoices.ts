/** Invoices over HTTP, and the two reports that hold them against the bills. What may be stated is the domain's own schema. */
import { Type } from 'typebox';
import { INVOICE_INPUT } from '../../services/invoices/invoice-input.ts';
import { BRIDGE_STEPS } from '../../services/reports/bridge.ts';
import { PAGE_QUERY } from '../paging.ts';
import { AsKnownField, AsKnownQuery } from './as-known.ts';
import { AsNowQuery, ClosedHead } from './reports.ts';
import { SHEET_QUERY } from '../sheet-body.ts';
import { CurrencyCode, DateText, DecimalText, InstantText, nullable, oneOf, PeriodText } from './common.ts';

export const InvoiceBody = INVOICE_INPUT;

export const InvoiceQuery = Type.Object(
  {
    ...PAGE_QUERY,
    sourceId: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Only invoices of this source.' }),
    ),
  },
  { additionalProperties: false },
);

export const InvoiceImportQuery = Type.Object(
  {
    fileName: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'What messages and the audit trail call the sheet.' }),
    ),
    dryRun: Type.Optional(Type.Boolean({ description: 'Check everything and change nothing.' })),
    ...SHEET_QUERY,
  },
  { additionalProperties: false },
);

const Saved = {
  sourceId: Type.String(),
  invoiceId: Type.String(),
  change: oneOf(['created', 'changed', 'unchanged'], 'What became of it.'),
  version: Type.Integer(),
};

export const SavedInvoiceView = Type.Object(Saved);

export const InvoiceImportView = Type.Object({
  dryRun: Type.Boolean(),
  rows: Type.Integer(),
  created: Type.Integer(),
  changed: Type.Integer(),
  unchanged: Type.Integer(),
  invoices: Type.Array(Type.Object({ line: Type.Integer(), ...Saved })),
});

export const InvoiceView = Type.Object({
  sourceId: Type.String(),
  invoiceId: Type.String(),
  version: Type.Integer(),
  state: oneOf(['issued', 'void'], 'A void invoice counts in no report.'),
  issuer: nullable(Type.String()),
  billingAccountId: nullable(Type.String()),
  billingPeriod: Type.String(),
  currency: CurrencyCode,
  total: DecimalText,
  creditsOutsideBill: DecimalText,
  taxOutsideBill: DecimalText,
  tolerance: nullable(DecimalText),
  issuedOn: nullable(DateText),
  statedAt: InstantText,
  statedBy: Type.String(),
});

export const InvoiceReportQuery = Type.Object(
  { period: PeriodText, asKnown: AsKnownQuery },
  { additionalProperties: false },
);

const Period = Type.Object({
  id: Type.String(),
  start: DateText,
  end: DateText,
  through: nullable(Type.String({ description: 'The last complete charge date.' })),
});

export const InvoiceReportView = Type.Object({
  period: Period,
  dataAsOf: nullable(InstantText),
  rows: Type.Array(
    Type.Object({
      sourceId: Type.String(),
      billingPeriod: Type.String(),
      billingAccountId: nullable(Type.String()),
      currency: CurrencyCode,
      invoiceIds: Type.Array(Type.String()),
      matchedBy: nullable(oneOf(['invoiceId', 'billingAccount'], 'How its charges were found.')),
      lines: Type.Integer(),
      billed: DecimalText,
      invoice: nullable(DecimalText),
      difference: nullable(DecimalText),
      tolerance: nullable(DecimalText),
      state: oneOf(
        ['equal', 'withinTolerance', 'explained', 'differs', 'notInBill', 'notStated', 'noInvoiceId'],
        'notStated: the bill carries a number whose total nobody stated; noInvoiceId: not invoiced yet.',
      ),
      reasons: Type.Array(Type.Object({ reason: Type.String(), amount: DecimalText, text: Type.String() })),
    }),
  ),
  total: Type.Array(
    Type.Object({
      currency: CurrencyCode,
      billed: DecimalText,
      invoiced: DecimalText,
      difference: DecimalText,
      withoutInvoice: DecimalText,
    }),
  ),
  asKnown: AsKnownField,
});

export const BridgeQuery = Type.Object(
  { period: PeriodText, asNow: AsNowQuery, asKnown: AsKnownQuery },
  { additionalProperties: false },
);

export const BridgeView = Type.Object({
  period: Period,
  ...ClosedHead,
  dataAsOf: nullable(InstantText),
  rows: Type.Array(
    Type.Object({
      provider: nullable(Type.String()),
      billingCurrency: CurrencyCode,
      billedCost: DecimalText,
      steps: Type.Array(
        Type.Object({
          step: oneOf(BRIDGE_STEPS, 'The kind of charge.'),
          billedCost: DecimalText,
          effectiveCost: DecimalText,
          difference: DecimalText,
          lines: Type.Integer(),
        }),
      ),
      effectiveCost: DecimalText,
      chargedElsewhere: DecimalText,
      billedElsewhere: DecimalText,
      reportedCost: DecimalText,
    }),
  ),
  asKnown: AsKnownField,
});

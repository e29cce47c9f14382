/** What is done about envelopes over HTTP: setting a limit, asking for a raise and deciding it, activating a pattern; headroom and history. */
import { Type } from 'typebox';
import { RAISE_STATES } from '../../services/envelopes/raise-rows.ts';
import { PAGE_QUERY } from '../paging.ts';
import {
  COST_METRIC,
  CurrencyCode,
  DateText,
  DecimalText,
  Id,
  InstantText,
  nullable,
  oneOf,
  PeriodText,
} from './common.ts';
import { Scope } from './envelopes.ts';

const STRICT = { additionalProperties: false };
const COUNTS = oneOf(['controlled', 'loaded'], 'Which cost counts.');
const METHOD = oneOf(['granted', 'asserted'], 'In the product, or by the organisation file.');
const VIA = oneOf(['cli', 'api', 'slack'], 'Where it was done.');
const REASON = Type.String({ minLength: 1, maxLength: 1_000 });

export const EnvelopeParams = Type.Object({ envelopeId: Id });
export const RaiseParams = Type.Object({ requestId: Id });
export const PortfolioParams = Type.Object({ portfolioId: Id });

export const SetEnvelopeBody = Type.Object(
  {
    scope: Type.Union(
      [
        Type.Object({ pod: Id }, STRICT),
        Type.Object({ portfolio: Id }, STRICT),
        Type.Object({ organisation: Type.Literal(true) }, STRICT),
        Type.Object({ unattributed: Type.Literal(true) }, STRICT),
      ],
      { description: 'Whose money it is, as in the organisation file.' },
    ),
    period: PeriodText,
    limit: DecimalText,
    currency: CurrencyCode,
    costMetric: Type.Optional(COST_METRIC),
    counts: Type.Optional(COUNTS),
    rungs: Type.Optional(Type.Array(DecimalText, { minItems: 1, maxItems: 20 })),
    approval: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'The reference of the approval.' }),
    ),
  },
  STRICT,
);

export const SetEnvelopeView = Type.Object({
  envelopeId: Type.String(),
  version: Type.Integer(),
  change: oneOf(['created', 'changed', 'unchanged'], 'unchanged: the version says so already.'),
});

export const RaiseBody = Type.Object(
  {
    limit: Type.String({ ...DecimalText, description: 'The new limit, in the envelope’s currency: an exact decimal.' }),
    reason: REASON,
    until: Type.Optional(
      Type.String({
        ...DateText,
        description:
          'The last day it is needed: told to whoever decides, and to finance’s inbox when it is over. The limit stays.',
      }),
    ),
  },
  STRICT,
);

export const RaiseOutcomeView = Type.Object({
  requestId: Type.String(),
  state: oneOf(['granted', 'pending'], 'granted: at once, within what the portfolio delegates.'),
  approvers: Type.Array(Type.String(), {
    description: 'Who may decide; empty where it is granted, or anybody else of role finance may.',
  }),
});

export const DecisionBody = Type.Object({ reason: Type.Optional(REASON) }, STRICT);

export const DecisionView = Type.Object({
  requestId: Type.String(),
  state: oneOf(['granted', 'refused'], 'How it was decided.'),
});

export const RaiseQuery = Type.Object(
  { ...PAGE_QUERY, state: Type.Optional(oneOf(RAISE_STATES, 'Only raises that stand there.')) },
  STRICT,
);

export const RaiseView = Type.Object({
  requestId: Type.String(),
  envelopeId: Type.String(),
  scope: Scope,
  period: Type.String(),
  presentLimit: DecimalText,
  limit: DecimalText,
  currency: CurrencyCode,
  until: nullable(DateText),
  reason: Type.String(),
  requestedBy: Type.String(),
  requestedVia: VIA,
  requestedAt: InstantText,
  state: oneOf(RAISE_STATES, 'Where it stands.'),
  isDelegated: Type.Boolean(),
  decidedBy: nullable(Type.String()),
  decidedVia: nullable(VIA),
  decidedAt: nullable(InstantText),
  decisionReason: nullable(Type.String()),
  version: nullable(Type.Integer({ description: 'The version that has the limit.' })),
  approvers: Type.Array(Type.String()),
});

export const EnvelopeHistoryView = Type.Object({
  envelopeId: Type.String(),
  scope: Scope,
  period: Type.String(),
  counts: COUNTS,
  withdrawnAt: nullable(InstantText),
  versions: Type.Array(
    Type.Object({
      version: Type.Integer(),
      limit: DecimalText,
      currency: CurrencyCode,
      costMetric: COST_METRIC,
      rungs: Type.Array(DecimalText),
      method: METHOD,
      approvedBy: nullable(Type.String()),
      approvedOn: DateText,
      approval: nullable(Type.String()),
      patterns: Type.Array(Type.String()),
      recordedBy: Type.String(),
      recordedAt: InstantText,
      requestId: nullable(Type.String()),
      rates: Type.Array(Type.Object({ currency: CurrencyCode, rate: DecimalText }), {
        description: 'The exchange rates that it keeps.',
      }),
    }),
  ),
  raises: Type.Array(RaiseView),
});

const HEADROOM = {
  portfolioId: Type.String(),
  envelopeId: Type.String(),
  period: Type.String(),
  counts: COUNTS,
  limit: DecimalText,
  currency: CurrencyCode,
  approved: nullable(
    Type.String({ description: 'Approved for its pods, an exact decimal; null where a rate is missing.' }),
  ),
  headroom: nullable(Type.String({ description: 'limit − approved; below zero where more was approved.' })),
  missingRates: Type.Array(CurrencyCode),
};

export const HeadroomQuery = Type.Object({ ...PAGE_QUERY, period: Type.Optional(PeriodText) }, STRICT);

export const HeadroomView = Type.Object({
  ...HEADROOM,
  pods: Type.Array(
    Type.Object({
      podId: Type.String(),
      envelopeId: Type.String(),
      period: Type.String(),
      limit: DecimalText,
      currency: CurrencyCode,
      rate: nullable(DecimalText),
      approved: nullable(DecimalText),
    }),
  ),
});

export const ActivationBody = Type.Object(
  {
    podId: Id,
    patternId: Id,
    on: Type.Optional(Type.String({ ...DateText, description: 'The day it was activated; today if absent.' })),
  },
  STRICT,
);

export const ActivationOutcomeView = Type.Object({
  podId: Type.String(),
  patternId: Type.String(),
  activatedOn: DateText,
  change: oneOf(['created', 'unchanged'], 'unchanged: it was activated so before.'),
  envelopes: Type.Array(
    Type.Object({ envelopeId: Type.String(), period: Type.String(), limit: DecimalText, currency: CurrencyCode }),
  ),
  headroom: Type.Array(Type.Object({ ...HEADROOM, podEnvelopes: Type.Integer() })),
  exceedsHeadroom: Type.Boolean({ description: 'More is approved for the portfolio’s pods than its envelope has.' }),
  approvalsAvoided: Type.Integer({ description: 'Approvals of the old path that it did without.' }),
});

export const ActivationQuery = Type.Object({ ...PAGE_QUERY }, STRICT);

export const ActivationView = Type.Object({
  podId: Type.String(),
  patternId: Type.String(),
  activatedOn: DateText,
  method: METHOD,
  approvalsAvoided: Type.Integer(),
});

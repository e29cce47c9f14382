/** Envelopes and alerts over HTTP: the shapes of `outturn envelopes --json` and `outturn alerts --json`. */
import { Type } from 'typebox';
import { DELIVERY_STATES } from '../../services/alerts/list-alerts.ts';
import { PAGE_QUERY } from '../paging.ts';
import {
  COST_METRIC,
  CurrencyCode,
  DateText,
  DecimalText,
  InstantText,
  nullable,
  oneOf,
  PeriodText,
  RatioText,
} from './common.ts';

export const EnvelopeQuery = Type.Object(
  { ...PAGE_QUERY, period: Type.Optional(PeriodText) },
  { additionalProperties: false },
);

export const AlertQuery = Type.Object(
  { ...PAGE_QUERY, state: Type.Optional(oneOf(DELIVERY_STATES, 'Only alerts whose delivery stands there.')) },
  { additionalProperties: false },
);

export const Scope = Type.Object({
  kind: oneOf(['pod', 'portfolio', 'organisation', 'unattributed'], 'Whose money it is.'),
  id: nullable(Type.String()),
});

export const EnvelopeView = Type.Object({
  envelopeId: nullable(
    Type.String({ description: 'Null for a pod, or the unattributed, that costs without an envelope.' }),
  ),
  scope: Scope,
  period: Type.String(),
  periodStart: DateText,
  periodEnd: DateText,
  version: nullable(Type.Integer()),
  limit: nullable(DecimalText),
  currency: nullable(CurrencyCode),
  costMetric: nullable(COST_METRIC),
  counts: nullable(oneOf(['controlled', 'loaded'], 'Which cost counts.')),
  actual: nullable(DecimalText),
  used: nullable(RatioText),
  rung: nullable(DecimalText),
  state: oneOf(['ok', 'near', 'over', 'none'], 'Where it stands.'),
  method: nullable(oneOf(['granted', 'asserted'], 'Approved in the product, or by the organisation file.')),
  approvedBy: nullable(Type.String()),
  approval: nullable(Type.String()),
  patterns: Type.Array(Type.String()),
  dataAsOf: nullable(InstantText),
  held: nullable(Type.String({ description: 'Why the figures wait.' })),
  approvedForPods: nullable(
    Type.String({ description: 'Of a portfolio: what is approved for its pods, an exact decimal in its currency.' }),
  ),
  headroom: nullable(
    Type.String({ description: 'Of a portfolio: its limit less that; below zero where more was approved.' }),
  ),
  spent: Type.Array(Type.Object({ billingCurrency: CurrencyCode, cost: DecimalText }), {
    description: 'Outside any envelope: the cost in the organisation’s metric.',
  }),
});

export const AlertView = Type.Object({
  alertId: Type.String(),
  envelopeId: Type.String(),
  scope: Scope,
  period: Type.String(),
  rung: DecimalText,
  episode: Type.Integer(),
  state: oneOf(DELIVERY_STATES, 'Where its delivery stands.'),
  episodeState: oneOf(['open', 'cleared', 'closed'], 'Where its episode stands.'),
  reason: Type.String(),
  actual: DecimalText,
  limit: DecimalText,
  currency: CurrencyCode,
  channel: nullable(Type.String()),
  slackTs: nullable(Type.String()),
  error: nullable(Type.String()),
  messageId: Type.String({ description: 'Shared by alerts that one message carries.' }),
  text: Type.String(),
  createdAt: InstantText,
});

/** Finance's inbox, drift and the precision of alerts over HTTP: the shapes of `outturn inbox`, `outturn drift` and `outturn report alerts`. */
import { Type } from 'typebox';
import { INBOX_KINDS } from '../../services/inbox/list-inbox.ts';
import { PAGE_QUERY } from '../paging.ts';
import {
  COST_METRIC,
  CurrencyCode,
  DateText,
  DecimalText,
  Id,
  nullable,
  oneOf,
  PeriodText,
  RatioText,
} from './common.ts';
import { Scope } from './envelopes.ts';

export const InboxQuery = Type.Object(
  { ...PAGE_QUERY, kind: Type.Optional(oneOf(INBOX_KINDS, 'Only things of this kind.')) },
  { additionalProperties: false },
);

export const InboxItemView = Type.Object({
  kind: oneOf(INBOX_KINDS, 'What waits.'),
  id: Type.String({
    description:
      'Of the message, alert, request, envelope, source, pod, evidence, outcome (or two) or scope of events it is about.',
  }),
  scope: nullable(Scope),
  period: nullable(Type.String()),
  since: nullable(Type.String({ description: 'An instant, or a date where the day is what counts.' })),
  amount: nullable(DecimalText),
  currency: nullable(CurrencyCode),
  amountOf: nullable(oneOf(['actual', 'raise', 'per month', 'beyond', 'spent', 'value'], 'What the amount is.')),
  sentence: Type.String(),
  settle: Type.Array(Type.String(), { description: 'Commands of which each settles it, the usual one first.' }),
  calls: Type.Array(Type.String(), { description: 'The same over HTTP.' }),
});

export const MessageParams = Type.Object({ messageId: Id }, { additionalProperties: false });
export const DroppedView = Type.Object({
  messageId: Type.String(),
  state: oneOf(['suppressed'], 'Told to nobody.'),
});

export const DriftQuery = Type.Object({ ...PAGE_QUERY }, { additionalProperties: false });
export const PodParams = Type.Object({ podId: Id }, { additionalProperties: false });
export const AcceptBody = Type.Object(
  { reason: Type.String({ minLength: 1, maxLength: 1_000 }) },
  { additionalProperties: false },
);

export const DriftView = Type.Object({
  podId: Type.String(),
  podName: Type.String(),
  state: oneOf(['none', 'waiting', 'steady', 'drifting'], 'none: nobody approved anything; waiting: see note.'),
  through: nullable(DateText),
  approved: nullable(
    Type.Object({
      by: nullable(Type.String()),
      on: DateText,
      act: oneOf(['activation', 'envelope', 'accepted'], 'What approved its cost last.'),
    }),
  ),
  baseline: nullable(Type.Object({ from: DateText, until: DateText, perWeek: DecimalText })),
  perWeek: nullable(DecimalText),
  change: nullable(RatioText),
  line: DecimalText,
  currency: nullable(CurrencyCode),
  costMetric: nullable(COST_METRIC),
  counts: nullable(oneOf(['controlled', 'loaded'], 'Which cost counts, as its envelope says.')),
  since: nullable(DateText),
  foundOn: nullable(DateText),
  perMonth: nullable(DecimalText),
  services: Type.Array(Type.Object({ serviceName: nullable(Type.String()), perMonth: DecimalText })),
  note: nullable(Type.String()),
});

export const PrecisionQuery = Type.Object({ period: PeriodText }, { additionalProperties: false });

const count = (description: string) => Type.Integer({ minimum: 0, description });
const Episode = Type.Object({
  podId: Type.String(),
  since: DateText,
  foundOn: DateText,
  endedOn: nullable(DateText),
  endedBecause: nullable(oneOf(['fell', 'approved', 'ended'], 'It fell, somebody approved it, or the pod ended.')),
  perMonth: DecimalText,
  currency: CurrencyCode,
  services: Type.Array(Type.Object({ serviceName: nullable(Type.String()), perMonth: DecimalText })),
});

export const AlertsReport = Type.Object({
  period: Type.Object({ id: Type.String(), start: DateText, end: DateText }),
  crossings: count('Crossings that were told; those of one scope that came together are one.'),
  sent: count('Messages about them that stand in their channels.'),
  messagesPerCrossing: nullable(RatioText),
  actedOn: count('Acknowledged, snoozed, or answered with a raise.'),
  precision: nullable(RatioText),
  clearedByRestatement: count('Cleared under the limit they spoke of.'),
  escalated: count('Brought to owner and finance partner.'),
  waiting: count('On their way.'),
  failed: count('Not delivered.'),
  held: count('Waiting for finance.'),
  suppressed: count('Told to nobody.'),
  podMonths: count('Pods times months with cost.'),
  quietPodMonths: count('Those without a message to the pod.'),
  quietRate: nullable(RatioText),
  drift: Type.Array(Episode, { description: 'Slow drift that was there in the period; never told to a pod.' }),
});

/** Pods and the audit trail over HTTP. */
import { Type } from 'typebox';
import { PAGE_QUERY } from '../paging.ts';
import { CurrencyCode, DateText, DecimalText, Id, InstantText, nullable, oneOf, RatioText } from './common.ts';

export const PodQuery = Type.Object(
  { ...PAGE_QUERY, portfolio: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })) },
  { additionalProperties: false },
);

export const PodViewSchema = Type.Object({
  podId: Id,
  name: Type.String(),
  kind: oneOf(['delivery', 'platform', 'central'], 'What kind of pod it is.'),
  portfolio: nullable(Type.String()),
  ownerEmail: nullable(Type.String()),
  financePartnerEmail: nullable(Type.String()),
  costCentre: nullable(Type.String()),
  channel: nullable(
    Type.String({
      description: 'Where its alerts go: a Slack channel id, mailto:ADDRESS, teams:NAME or webhook:NAME.',
    }),
  ),
  slackChannel: nullable(Type.String({ description: 'The same, where it is a channel of Slack.' })),
  activeFrom: nullable(DateText),
  activeUntil: nullable(DateText),
  removedAt: nullable(InstantText),
  drift: nullable(
    Type.Object(
      { since: DateText, change: RatioText, perMonth: DecimalText, currency: CurrencyCode },
      { description: 'How far its cost has drifted above what was approved; null where it has not.' },
    ),
  ),
});

const filter = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 400, description }));

export const AuditQuery = Type.Object(
  {
    ...PAGE_QUERY,
    principal: filter('Only what this principal did.'),
    action: filter('Only this action, such as publish-load.'),
    subjectKind: filter('Only events about this kind of thing, such as outcome.'),
    subjectId: filter('Only events about the thing of this id.'),
  },
  { additionalProperties: false },
);

export const AuditEventView = Type.Object({
  auditEventId: Type.String(),
  at: InstantText,
  principal: Type.String(),
  role: Type.String(),
  action: Type.String(),
  subjectKind: Type.String(),
  subjectId: Type.String(),
  details: Type.Unknown({ description: 'Facts worth keeping.' }),
  previousHash: Type.String(),
  hash: Type.String({ description: 'Over this event and the hash before it.' }),
});

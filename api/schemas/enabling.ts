/** What platform pods made possible, over HTTP. */
import { Type } from 'typebox';
import { DateText, Id, nullable, oneOf, PeriodText } from './common.ts';

export const EnablingQuery = Type.Object({ period: PeriodText }, { additionalProperties: false });

const NotAssessed = Type.Object({ value: Type.Null(), note: Type.String() });

export const EnablingView = Type.Object({
  statementId: nullable(Type.String({ description: 'Of the statement that kept it; null: as now known.' })),
  period: Type.Object({ id: Type.String(), start: DateText, end: DateText }),
  pods: Type.Array(
    Type.Object({
      podId: Id,
      name: Type.String(),
      portfolio: nullable(Id),
      return: Type.Null(),
      returnNote: oneOf(['enabling'], 'A platform pod has no return of its own.'),
      outcomes: Type.Integer({ description: 'Outcomes that name it, each once.' }),
      served: Type.Array(
        Type.Object({
          podId: Id,
          outcomes: Type.Integer({ description: 'Of its outcomes, those that name the platform pod.' }),
          carriesShare: Type.Boolean({ description: 'Whether it carries a share of cost that the platform pod owns.' }),
        }),
      ),
      timeToProductive: NotAssessed,
      waitingRemoved: NotAssessed,
    }),
  ),
});

/** Acts on alerts over HTTP: the shapes of `outturn alerts acknowledge --json` and its like. */
import { Type } from 'typebox';
import { DateText, Id, nullable } from './common.ts';

export const AlertParams = Type.Object({ alertId: Id }, { additionalProperties: false });

export const SnoozeBody = Type.Object({ until: DateText }, { additionalProperties: false });

export const ActView = Type.Object({
  alertId: Type.String(),
  isDone: Type.Boolean({ description: 'False where there was nothing to do: somebody was faster, or it is over.' }),
  reason: nullable(Type.String({ description: 'Why there was nothing to do.' })),
});

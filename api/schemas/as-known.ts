/** How every report is asked for as it was known at an instant, and says so. */
import { Type } from 'typebox';
import { InstantText } from './common.ts';

/** The query parameter. */
export const AsKnownQuery = Type.Optional(
  Type.String({
    minLength: 10,
    maxLength: 40,
    description: 'As it was known at the end of a day (2026-07-05, in UTC) or at an instant. Not for a pod’s token.',
  }),
);

/** The field of the answer: only on reports that were asked for as known at an instant. */
export const AsKnownField = Type.Optional(InstantText);

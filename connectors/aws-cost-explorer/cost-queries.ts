/**
 * The questions that together hold every charge once. Cost Explorer groups by two things at most, so that no one question tells account,
 * service, tag and kind of charge; but questions whose filters exclude each other add up to the whole:
 *
 * - charges that are no usage (tax, credits, refunds, fees) by account and kind;
 * - all others by account and service; or, with a tag key, those that carry the tag by account and its value, and those that do not by
 *   account and service.
 *
 * A kind that AWS adds tomorrow is none of the named ones, so it stands under its service. The whole, ungrouped, is asked for beside:
 * what the parts must add up to.
 */
import type { Expression, GroupDefinition } from '@aws-sdk/client-cost-explorer';

/** `whole` has no groups. The names of the others say which of a row's cells its groups are. */
export interface CostQuery {
  readonly name: 'whole' | 'kinds' | 'services' | 'tagged';
  readonly groups: readonly GroupDefinition[];
  readonly filter?: Expression;
}

/** RECORD_TYPE as Cost Explorer spells it; those of fees have had several names. A name nobody has matches nothing. */
const NO_USAGE = [
  'Tax',
  'Credit',
  'Refund',
  'Fee',
  'Upfront',
  'Recurring',
  'RIFee',
  'SavingsPlanUpfrontFee',
  'SavingsPlanRecurringFee',
];

const dimension = (Key: 'LINKED_ACCOUNT' | 'SERVICE' | 'RECORD_TYPE') => ({ Type: 'DIMENSION', Key }) as const;
const KINDS: Expression = { Dimensions: { Key: 'RECORD_TYPE', Values: NO_USAGE } };
const USAGE: Expression = { Not: KINDS };
const BY_SERVICE = [dimension('LINKED_ACCOUNT'), dimension('SERVICE')];

export function costQueries(tag: string | undefined): readonly CostQuery[] {
  const whole: CostQuery = { name: 'whole', groups: [] };
  const kinds: CostQuery = {
    name: 'kinds',
    groups: [dimension('LINKED_ACCOUNT'), dimension('RECORD_TYPE')],
    filter: KINDS,
  };
  if (tag === undefined) return [whole, kinds, { name: 'services', groups: BY_SERVICE, filter: USAGE }];
  const absent: Expression = { Tags: { Key: tag, MatchOptions: ['ABSENT'] } };
  return [
    whole,
    kinds,
    { name: 'services', groups: BY_SERVICE, filter: { And: [USAGE, absent] } },
    {
      name: 'tagged',
      groups: [dimension('LINKED_ACCOUNT'), { Type: 'TAG', Key: tag }],
      filter: { And: [USAGE, { Not: absent }] },
    },
  ];
}

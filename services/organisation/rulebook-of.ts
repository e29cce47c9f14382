/**
 * The rulebook of an organisation: the part that decides which pod a charge belongs to, in one canonical form. The order of
 * rules and of a tag key's spellings means something and is kept; everything else is sorted, so that moving a pod up in the
 * file is not a new rulebook.
 */
import type { RulebookContent } from '../attribution/rulebook.ts';
import type { Organisation, PodEntry } from './organisation.ts';

/** What an organisation says about attribution; equal organisations give deeply equal content. */
export function rulebookOf(organisation: Organisation): RulebookContent {
  return {
    rules: organisation.rules,
    pods: organisation.pods.map(rulebookPod).sort((left, right) => order(left.id, right.id)),
    portfolios: organisation.portfolios.map(({ id }) => id).sort(order),
    tags: {
      fold: organisation.tags.fold,
      keys: Object.fromEntries(Object.entries(organisation.tags.keys).sort(([left], [right]) => order(left, right))),
    },
    defaultBasis: organisation.reporting.costMetric,
  };
}

function rulebookPod(pod: PodEntry): RulebookContent['pods'][number] {
  return {
    id: pod.id,
    kind: pod.kind,
    portfolios: pod.portfolio,
    ...(pod.activeFrom === undefined ? {} : { activeFrom: pod.activeFrom }),
    ...(pod.activeUntil === undefined ? {} : { activeUntil: pod.activeUntil }),
    aliases: [...new Set(pod.aliases)].sort(order),
  };
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

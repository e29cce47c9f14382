/** Metrics that rules split by and nobody has measured yet: no mistake of the file, but what they share has nobody to carry it. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Rule } from '../attribution/rulebook.ts';
import { didYouMean } from '../organisation/suggestion.ts';

/** A sentence per rule that splits by a metric without quantities, in the order of the rules. */
export async function describeUnmeasured(db: Kysely<DB>, rules: readonly Rule[]): Promise<string[]> {
  const metrics = await db.selectFrom('usage_metric').select('id').orderBy('id').execute();
  const known = metrics.map(({ id }) => id);
  return rules.flatMap((rule) => {
    if (!('split' in rule) || rule.split.method !== 'usage' || known.includes(rule.split.metric)) return [];
    const { metric } = rule.split;
    const fix = didYouMean(metric, known) ?? 'Import them with `outturn metrics import FILE.csv`.';
    return [
      `rule ${rule.id} splits by the metric "${metric}", which has no quantities yet: its cost falls to unattributed. ${fix}`,
    ];
  });
}

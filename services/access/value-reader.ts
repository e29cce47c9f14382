/**
 * Value per pod for whoever asks again and again: the facts that no request changes are remembered for their figures_version, so that a report
 * made anew is one statement. The first that cuts its month at a new day has the sums of that month kept up to there. The statement gives its own version with the figures; where that is another one by then, all is read again as by anybody.
 */
import type { CompiledQuery, Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../kernel/ports.ts';
import { keepValueCut } from '../outcomes/sums/outcome-months.ts';
import type { ValuePerPod } from '../reports/compose-value.ts';
import type { PodScope } from '../reports/pod-scope.ts';
import { type ReportFacts, readReportFacts } from '../reports/report-facts.ts';
import type { AsNowRequest, ReportRequest } from '../reports/report-frame.ts';
import { type DetailRequest, type ValueStatements, valuePerPod, valuePerPodAtOnce } from '../reports/value-per-pod.ts';
import { readAs, readAtOnce } from './read-as.ts';

/** Who asks for what, and the counter of the figures when they were recognised. */
export interface ValueQuestion {
  readonly principal: Principal;
  readonly figuresVersion: string;
  readonly request: ReportRequest & AsNowRequest & PodScope & DetailRequest;
}

/** A reader of one process; it throws what `valuePerPod` throws. A pod's token reads under its own role, and nothing of it is remembered. */
export function createValueReader(db: Kysely<DB>): (question: ValueQuestion) => Promise<ValuePerPod> {
  let facts: ReportFacts | undefined;
  let statements: ValueStatements = new Map();
  const cutsAsked = new Set<string>();
  const execute = <Row>(statement: CompiledQuery<Row>) => readAtOnce(db, statement);
  return async ({ principal, figuresVersion, request }) => {
    if (principal.role !== 'pod') {
      if (facts?.figures_version !== figuresVersion) {
        facts = await readReportFacts(db);
        statements = new Map();
        cutsAsked.clear();
      }
      const { report, isStale, cutToKeep } = await valuePerPodAtOnce(db, facts, { request, statements, execute });
      if (isStale) facts = undefined;
      if (cutToKeep !== null && !cutsAsked.has(cutToKeep)) {
        cutsAsked.add(cutToKeep);
        await db.transaction().execute((trx) => keepValueCut(trx, { cutOn: cutToKeep, at: request.at }));
        facts = await readReportFacts(db);
        statements = new Map();
      }
      if (report !== null) return report;
    }
    return readAs(db, principal, (trx) => valuePerPod(trx, { ...request, isByMonth: principal.role !== 'pod' }));
  };
}

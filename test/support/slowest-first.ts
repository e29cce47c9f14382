/**
 * The order of test files: the longest first, so that none of them runs alone at the end. Vitest knows durations only of a folder that has
 * run its tests before; a fresh clone begins with these, which took the most processor time or wait the longest when they were measured.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const SLOWEST = [
  'fault/worker-kill',
  'integration/demo',
  'fault/simulated-quarter',
  'property/rulebook-layers',
  'integration/sample-bills',
  'integration/source-schedule',
  'fault/embedded-kill',
  'integration/report-as-known',
  'golden/focus-sample',
  'integration/azure-cost-export',
  'fault/sync-kill',
  'integration/aws-data-export',
  'integration/cli-bad-input',
  'integration/corrections',
  'integration/ingest-values',
  'integration/ingest-files',
  'integration/export-focus',
  'integration/embedded-postgres',
  'property/any-order',
  'integration/focus-files-source',
  'integration/up',
  'integration/aws-cost-explorer',
  'integration/plan-surfaces',
  'integration/source-changes',
  'fault/alert-delivery',
];

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = SLOWEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return place === -1 ? SLOWEST.length : place;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

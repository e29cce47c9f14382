/**
 * The order of test files: the longest first, so that none of them runs alone at the end. Vitest knows durations only of a folder that has
 * run its tests before; a fresh clone begins with these, which took the most processor time or wait the longest when they were measured.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const SLOWEST = [
  'fault/worker-kill',
  'integration/demo',
  'fault/embedded-kill',
  'integration/source-schedule',
  'fault/sync-kill',
  'property/any-order',
  'property/billing-money',
  'integration/corrections',
  'integration/sample-bills',
  'integration/ingest-values',
  'integration/source-changes',
  'integration/export-focus',
  'integration/azure-cost-export',
  'integration/aws-data-export',
  'integration/focus-files-source',
  'integration/aws-cost-explorer',
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

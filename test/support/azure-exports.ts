/** Runs of Azure cost exports as Cost Management delivers them: files in a folder of the run's own, then the manifest that names them. */
import { gzipSync } from 'node:zlib';
import type { Azurite } from './azurite.ts';

export interface AzureRun {
  readonly root: string;
  /** `20260901-20260930`. */
  readonly range: string;
  /** The run's own folder below the range; empty where runs overwrite each other. */
  readonly run: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly submittedAt: string;
  readonly type?: string;
  readonly scope?: string;
  /** Merged into the manifest; null: there is none yet. */
  readonly manifest?: Readonly<Record<string, unknown>> | null;
}

export const RUNS = [1, 2, 3, 4].map((number) =>
  `${number}`.repeat(8).concat('-0000-4000-8000-00000000000', `${number}`),
);

/** @returns the names of the files in the container, in the order of `files`. */
export async function deliverRun(azurite: Azurite, container: string, run: AzureRun): Promise<string[]> {
  const { root, range, type = 'FocusCost', scope = '/providers/Microsoft.Billing/billingAccounts/1234' } = run;
  const folder = [root, range, run.run].filter((part) => part !== '').join('/');
  const blobs: { blobName: string; byteCount: number; dataRowCount: number }[] = [];
  for (const [name, given] of Object.entries(run.files)) {
    const content = name.endsWith('.gz') && typeof given === 'string' ? gzipSync(given) : given;
    await azurite.put(container, `${folder}/${name}`, content);
    blobs.push({ blobName: `${folder}/${name}`, byteCount: Buffer.byteLength(content), dataRowCount: 1 });
  }
  if (run.manifest !== null) {
    const manifest = {
      manifestVersion: '2024-04-01',
      byteCount: blobs.reduce((sum, { byteCount }) => sum + byteCount, 0),
      blobCount: blobs.length,
      dataRowCount: blobs.length,
      exportConfig: {
        exportName: root.slice(root.lastIndexOf('/') + 1),
        resourceId: `${scope}/providers/Microsoft.CostManagement/exports/${root.slice(root.lastIndexOf('/') + 1)}`,
        dataVersion: '1.0',
        type,
        timeFrame: 'MonthToDate',
        granularity: 'Daily',
      },
      runInfo: { executionType: 'Scheduled', submittedTime: run.submittedAt, runId: run.run },
      blobs,
      ...run.manifest,
    };
    await azurite.put(container, `${folder}/manifest.json`, JSON.stringify(manifest));
  }
  return blobs.map(({ blobName }) => blobName);
}

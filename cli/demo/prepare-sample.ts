/**
 * Writes the sample organisation into the demo's own folder. The sample always ends today, so on another day the folder, its
 * database included, is made anew; on the same day everything is found as it was.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stopUnusedServer } from '../../db/embedded.ts';
import { writeSampleBills } from '../../examples/sample-organisation/bills.ts';
import { type SampleOrganisation, sampleOrganisation } from '../../examples/sample-organisation/sample-organisation.ts';
import type { IsoDate } from '../../services/kernel/period.ts';
import { type Progress, silentLogger } from '../../services/kernel/ports.ts';

export interface PreparedSample extends SampleOrganisation {
  /** Holds outturn.yaml, fx/, outcomes.csv and bills/. */
  readonly folder: string;
  /** The demo's OUTTURN_DATA. */
  readonly dataDir: string;
}

/** @param root the demo's folder; nothing outside it is touched. */
export async function prepareSample(root: string, today: IsoDate, progress: Progress): Promise<PreparedSample> {
  const sample = sampleOrganisation(today);
  const folder = join(root, 'larkfield');
  const dataDir = join(root, 'data');
  const marker = join(root, 'made-on');
  if (existsSync(marker) && (await readFile(marker, 'utf8')) === today) return { ...sample, folder, dataDir };
  if (existsSync(dataDir)) await stopUnusedServer(dataDir, silentLogger);
  await rm(root, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true });
  await writeText(join(folder, 'outturn.yaml'), sample.yaml);
  await writeText(join(folder, 'fx', 'ecb.csv'), sample.fxCsv);
  await writeText(join(folder, 'outcomes.csv'), sample.outcomesCsv);
  await writeSampleBills(folder, today, {
    onProgress: ({ filesDone, filesTotal }) =>
      progress.report({ label: 'writing the sample bills', done: filesDone, total: filesTotal, unit: 'files' }),
  });
  // Last: a demo that is killed before this starts anew.
  await writeFile(marker, today);
  return { ...sample, folder, dataDir };
}

async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

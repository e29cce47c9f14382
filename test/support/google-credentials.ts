/** Credentials for a double of a Google service: a file as workload identity federation has it, found by the SDK's own chain. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GcsDouble } from './gcs-server/gcs-server.ts';

/** Writes them into the folder and names them in the environment. */
export async function useGoogleCredentialsOf(double: GcsDouble, folder: string): Promise<void> {
  const token = join(folder, 'subject-token');
  const path = join(folder, 'google-credentials.json');
  await writeFile(token, double.subjectToken);
  await writeFile(path, double.credentials(token));
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = path;
}

/**
 * A source of kind focus-files: a folder into which some producer puts FOCUS bills. Its path is relative to the organisation file,
 * so that the file and its bills can be moved together.
 */
import { resolve } from 'node:path';
import { AppError } from '../../services/kernel/errors.ts';

/**
 * The absolute folder of a source.
 * @throws AppError invalid_input for a source of another kind, or without a path.
 */
export function listFolderSource(source: { id: string; kind: string; settings: unknown }, baseFolder: string): string {
  if (source.kind !== 'focus-files') {
    throw new AppError(
      'invalid_input',
      `The source "${source.id}" is of kind ${source.kind}, which this version cannot fetch by itself. Export its bills as FOCUS files and run: outturn ingest FILES --source ${source.id}`,
    );
  }
  const settings: object = typeof source.settings === 'object' && source.settings !== null ? source.settings : {};
  const path = 'path' in settings ? settings.path : undefined;
  if (typeof path !== 'string' || path.trim() === '') {
    throw new AppError(
      'invalid_input',
      `The source "${source.id}" has no folder. Add path: … to it in the organisation file and run "outturn apply", or name the files: outturn ingest FILES --source ${source.id}`,
    );
  }
  return resolve(baseFolder, path);
}

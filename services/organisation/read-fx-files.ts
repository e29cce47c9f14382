/** Reads the exchange rate files an organisation names, relative to its file. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError } from '../kernel/errors.ts';
import type { ReadOrganisation } from './read-organisation-file.ts';

/**
 * The texts of `fx.files`, in the file's order.
 * @throws AppError invalid_organisation naming the file that cannot be read.
 */
export async function readFxFiles(file: ReadOrganisation): Promise<{ name: string; text: string }[]> {
  const texts: { name: string; text: string }[] = [];
  for (const name of file.organisation.fx.files) {
    const path = resolve(file.folder, name);
    try {
      texts.push({ name, text: await readFile(path, 'utf8') });
    } catch (error) {
      throw new AppError(
        'invalid_organisation',
        `fx.files names "${name}", which cannot be read at ${path}: ${(error as Error).message}. Paths are relative to the organisation file.`,
        { cause: error },
      );
    }
  }
  return texts;
}

/**
 * Finds the bills behind what somebody named: files as they are, folders with everything of a known format below them.
 * The order is by path, so that a delivery always reads in the same order.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { AppError } from '../kernel/errors.ts';

export type BillFormat = 'csv' | 'csv.gz' | 'parquet';

export interface BillFile {
  readonly path: string;
  /** What reports call it: the file's name, for a file in a folder its path within that folder. */
  readonly name: string;
}

/** Far above any delivery; a folder with more is a mistake such as `/`. */
const FILES_MAX = 20_000;

/** The format that a name tells, or null. */
export function billFormatOf(name: string): BillFormat | null {
  const lower = name.toLowerCase();
  if (lower.endsWith('.csv')) return 'csv';
  if (lower.endsWith('.csv.gz')) return 'csv.gz';
  return lower.endsWith('.parquet') ? 'parquet' : null;
}

/**
 * Lists the bills under the given files and folders (recursive; hidden entries are left alone), sorted by path, each once.
 * @throws AppError invalid_input where a path does not exist, names another kind of file, or a folder holds no bill.
 */
export async function discoverBillFiles(paths: readonly string[]): Promise<BillFile[]> {
  const found = new Map<string, BillFile>();
  for (const path of paths) {
    for (const file of await discoverOne(path)) found.set(file.path, file);
  }
  return [...found.values()].sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0));
}

async function discoverOne(path: string): Promise<BillFile[]> {
  const status = await stat(path).catch((cause: unknown) => {
    throw new AppError('invalid_input', `There is no file or folder ${path}. Check the path.`, { cause });
  });
  if (!status.isDirectory()) {
    if (billFormatOf(path) !== null) return [{ path, name: basename(path) }];
    throw new AppError('invalid_input', `${path} is not a bill: a bill ends in .csv, .csv.gz or .parquet.`);
  }
  const files = await listFolder(path);
  if (files.length > 0) return files;
  throw new AppError(
    'invalid_input',
    `The folder ${path} holds no bill: no file below it ends in .csv, .csv.gz or .parquet.`,
  );
}

async function listFolder(folder: string): Promise<BillFile[]> {
  const files: BillFile[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join('/');
    const isHidden = name.split('/').some((part) => part.startsWith('.'));
    if (isHidden || entry.isDirectory() || billFormatOf(entry.name) === null) continue;
    files.push({ path, name });
    if (files.length > FILES_MAX) {
      throw new AppError(
        'invalid_input',
        `The folder ${folder} holds more than ${FILES_MAX} bills. Name a smaller folder.`,
      );
    }
  }
  return files;
}

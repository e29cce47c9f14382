/**
 * A source of kind focus-files: a folder into which some producer puts its bills. Its path is relative to the organisation file, so that
 * the file and its bills can be moved together. Its files are read where they are; their lines tell the billing periods.
 */
import { access, constants, readdir, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { AppError } from '../../services/kernel/errors.ts';
import type { Connect, ConnectedSource, DeliveredFile, SourceCheck } from '../connector.ts';

const BILL = /\.(csv|csv\.gz|parquet)$/i;
/** A file touched this shortly before may be touched again within one tick of the file system's clock. */
const SETTLED_MS = 10_000;
/** Far above any delivery; a folder with more is a mistake such as `/`. */
const FILES_MAX = 20_000;

export const connectFocusFiles: Connect = async (source, { now }) => {
  const path = folderOf(source);
  return {
    list: async () => {
      const files = await listBills(source, path, now);
      return { manifests: [{ billingPeriod: null, deliveredAt: null, files }], waiting: [] };
    },
    fetch: async (file) => {
      throw new Error(`${file.key} lies on this machine and need not be fetched`);
    },
    check: () => checkFolder(source, path, now),
    close: async () => {},
  };
};

function folderOf({ id, settings, baseFolder }: ConnectedSource): string {
  const { path } = settings;
  if (typeof path === 'string' && path.trim() !== '') return resolve(baseFolder, path);
  throw new AppError(
    'invalid_input',
    `The source "${id}" has no folder. Add path: … to it in the organisation file and run "outturn apply", or name the files: outturn ingest FILES --source ${id}`,
  );
}

async function listBills({ id }: ConnectedSource, path: string, now: Date): Promise<DeliveredFile[]> {
  const status = await stat(path).catch((cause: unknown) => {
    throw new AppError(
      'source_refused',
      `The source "${id}" names ${path}, which is not there. Create it, or correct path in the organisation file.`,
      {
        cause,
      },
    );
  });
  const paths = status.isDirectory() ? await listFolder(id, path) : [path];
  const folder = status.isDirectory() ? path : resolve(path, '..');
  const files: DeliveredFile[] = [];
  for (const localPath of paths.sort()) {
    const { size, mtimeMs, ino } = await stat(localPath);
    const name = relative(folder, localPath).split(sep).join('/');
    const isSettled = now.getTime() - mtimeMs > SETTLED_MS;
    files.push({
      key: name,
      name,
      version: isSettled ? `${size}-${mtimeMs}-${ino}` : null,
      sizeBytes: size,
      localPath,
    });
  }
  return files;
}

async function listFolder(id: string, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isHidden = relative(folder, path)
      .split(sep)
      .some((part) => part.startsWith('.'));
    if (isHidden || entry.isDirectory() || !BILL.test(entry.name)) continue;
    paths.push(path);
    if (paths.length > FILES_MAX) {
      throw new AppError(
        'source_refused',
        `The folder ${folder} of the source "${id}" holds more than ${FILES_MAX} bills. Name a smaller folder.`,
      );
    }
  }
  return paths;
}

async function* checkFolder(source: ConnectedSource, path: string, now: Date): AsyncIterable<SourceCheck> {
  const isReadable = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
  if (!isReadable) {
    yield {
      subject: 'folder',
      state: 'wrong',
      message: `${path} is not there or may not be read. Create it, or correct path in the organisation file.`,
    };
    return;
  }
  yield { subject: 'folder', state: 'ok', message: `${path} can be read` };
  const files = await listBills(source, path, now);
  yield files.length === 0
    ? { subject: 'bills', state: 'note', message: 'no file there ends in .csv, .csv.gz or .parquet yet' }
    : { subject: 'bills', state: 'ok', message: `${files.length} ${files.length === 1 ? 'file' : 'files'}` };
}

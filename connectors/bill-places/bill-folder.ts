/** Bills in a folder of this machine, or one bill there: read where they are. */
import { access, constants, readdir, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { AppError } from '../../services/kernel/errors.ts';
import type { ConnectionContext, SourceCheck } from '../connector.ts';
import { type BillPlace, FILES_MAX, type PlacedFile, tooMany } from './bill-place.ts';

interface FolderPlace {
  readonly id: string;
  readonly path: string;
  readonly context: ConnectionContext;
}

/** A file touched this shortly before may be touched again within one tick of the file system's clock. */
const SETTLED_MS = 10_000;

export function openBillFolder(place: FolderPlace): BillPlace {
  return {
    title: place.path,
    list: () => listFiles(place),
    fetch: async (file) => {
      throw new Error(`${file.key} lies on this machine and need not be fetched`);
    },
    check: () => checkFolder(place.path),
    close: async () => {},
  };
}

async function listFiles(place: FolderPlace): Promise<PlacedFile[]> {
  const { id, path, context } = place;
  const status = await stat(path).catch((cause: unknown) => {
    throw new AppError(
      'source_refused',
      `The source "${id}" names ${path}, which is not there. Create it, or correct path in the organisation file.`,
      { cause },
    );
  });
  const paths = status.isDirectory() ? await listFolder(place) : [path];
  const folder = status.isDirectory() ? path : resolve(path, '..');
  const files: PlacedFile[] = [];
  for (const localPath of paths.sort()) {
    // What is written beside is renamed and deleted as one looks; anything else would leave a bill out without a word.
    const found = await stat(localPath).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    });
    if (found === null) continue;
    const { size, mtimeMs, mtime, ino } = found;
    const name = relative(folder, localPath).split(sep).join('/');
    const isSettled = context.now.getTime() - mtimeMs > SETTLED_MS;
    files.push({
      key: name,
      name,
      version: isSettled ? `${size}-${mtimeMs}-${ino}` : null,
      sizeBytes: size,
      modifiedAt: mtime,
      localPath,
    });
  }
  return files;
}

async function listFolder(place: FolderPlace): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(place.path, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    if (paths.length === FILES_MAX) throw tooMany(place.id, place.path);
    paths.push(join(entry.parentPath, entry.name));
  }
  return paths;
}

async function* checkFolder(path: string): AsyncIterable<SourceCheck> {
  const isReadable = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
  yield isReadable
    ? { subject: 'folder', state: 'ok', message: `${path} can be read` }
    : {
        subject: 'folder',
        state: 'wrong',
        message: `${path} is not there or may not be read. Create it, or correct path in the organisation file.`,
      };
}

/**
 * Reads outturn.yaml: from the file on disk to an Organisation, or to every fault in it with its line and what to write instead.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { AppError, describeFault } from '../kernel/errors.ts';
import { checkOrganisation } from './check-organisation.ts';
import type { Schema } from './check-scalar.ts';
import type { FileFault } from './located-value.ts';
import type { Organisation } from './organisation.ts';
import { organisationOf } from './organisation-of.ts';
import { type OrganisationFile, organisationSchema } from './organisation-schema.ts';
import { readYaml } from './read-yaml.ts';

/** More faults than these are of no help at once; the message says how many are left. */
const FAULTS_SHOWN_MAX = 20;
const FILE_BYTES_MAX = 20_000_000;

export interface ReadOrganisation {
  readonly organisation: Organisation;
  /** The text as it stands in the file. */
  readonly sourceText: string;
  /** The file's folder: paths in it are relative to this. */
  readonly folder: string;
}

/**
 * Reads and checks an organisation file.
 * @throws AppError not_found without a file; invalid_organisation with up to 20 faults, each with its line.
 */
export async function readOrganisationFile(path: string): Promise<ReadOrganisation> {
  const name = basename(path);
  const sourceText = await readText(path, name);
  return { organisation: parseOrganisation(sourceText, name), sourceText, folder: dirname(resolve(path)) };
}

/**
 * Checks an organisation file's text; `name` is what messages call it.
 * @throws AppError invalid_organisation.
 */
export function parseOrganisation(sourceText: string, name = 'outturn.yaml'): Organisation {
  const { value, places } = readYaml(sourceText, organisationSchema as unknown as Schema);
  const isMap = typeof value === 'object' && value !== null;
  if (isMap) checkOrganisation(value as OrganisationFile, places);
  if (places.faults.length > 0 || !isMap) throw invalidOrganisation(places.faults, name);
  return organisationOf(value as OrganisationFile);
}

async function readText(path: string, name: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > FILE_BYTES_MAX) {
      throw new AppError(
        'invalid_organisation',
        `${name} has ${size} bytes; an organisation file has at most ${FILE_BYTES_MAX}.`,
      );
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof TypeError) {
      throw new AppError('invalid_organisation', `${name} is not UTF-8 text. Save it as UTF-8.`, { cause: error });
    }
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new AppError(
        'not_found',
        `There is no organisation file at ${path}. Propose one with \`outturn init --from BILL\`, or name another with OUTTURN_CONFIG.`,
        { cause: error },
      );
    }
    throw new AppError('invalid_organisation', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function invalidOrganisation(found: readonly FileFault[], name: string): AppError {
  const ordered = [...found].sort((left, right) => left.line - right.line || left.column - right.column);
  const shown = ordered.slice(0, FAULTS_SHOWN_MAX);
  const faults = shown.map(({ line, reason, fix }) => ({
    file: name,
    line,
    reason,
    ...(fix === undefined ? {} : { fix }),
  }));
  const lines = faults.map(describeFault);
  const rest = ordered.length - shown.length;
  if (rest > 0) lines.push(`… and ${rest} more`);
  return new AppError('invalid_organisation', lines.join('\n'), {
    faults,
    details: { faultCount: ordered.length, places: shown },
  });
}

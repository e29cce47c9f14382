/** A stated outcome from a JSON file: the body of POST /api/v1/outcomes, or a part of it. */
import { readFile } from 'node:fs/promises';
import { AppError } from '../services/kernel/errors.ts';
import type { OutcomeInput } from '../services/outcomes/statement/outcome-input.ts';

/** Nothing where no file is given. @throws AppError invalid_input that names the field. */
export async function readOutcomeFile(path: string | undefined): Promise<Partial<OutcomeInput>> {
  if (path === undefined) return {};
  const found = await readJson(path);
  // Loaded where a file is given: it takes as long as all else that a short command loads.
  const { Type } = await import('typebox');
  const { Compile } = await import('typebox/compile');
  const { OUTCOME_INPUT } = await import('../services/outcomes/statement/outcome-input.ts');
  const validator = Compile(Type.Partial(OUTCOME_INPUT, { additionalProperties: false }));
  if (validator.Check(found)) return found;
  const [error] = validator.Errors(found);
  const place = error?.instancePath ?? '';
  // What the schema closes is a field that it does not know.
  const reason = error?.keyword === 'boolean' ? 'there is no such field' : (error?.message ?? 'it is no outcome');
  const message = `${path}${place === '' ? '' : `, field ${place}`}: ${reason}. The form is that of POST /api/v1/outcomes.`;
  throw new AppError('invalid_input', message);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new AppError('invalid_input', `${path} cannot be read as JSON. Check the path and the file.`, { cause });
  }
}

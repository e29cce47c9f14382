/**
 * How requests are checked. Bodies are taken as they are: a number where text belongs is refused, because a coerced number has
 * lost decimals already. Query, path and headers are text by nature and are coerced. Unknown fields are refused everywhere.
 */
import { Ajv, type ErrorObject } from 'ajv';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { AppError } from '../services/kernel/errors.ts';

/** A compiler of its own per app, because compiled schemas are cached inside. */
export function createValidatorCompiler(): FastifySchemaCompiler<TSchema> {
  const options = { removeAdditional: false, useDefaults: true, allErrors: false, strictTypes: false } as const;
  const strict = new Ajv({ ...options, coerceTypes: false });
  const coercing = new Ajv({ ...options, coerceTypes: 'array' });
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : coercing).compile(schema);
}

/** A refusal that names the place: `body/shares/0/basisPoints must be <= 10000`. */
export function describeInvalidRequest(errors: readonly Partial<ErrorObject>[], part: string): AppError {
  const faults = errors.map((error) => {
    const column = `${part}${error.instancePath ?? ''}`;
    return { column, reason: reasonOf(error) };
  });
  const sentences = faults.map(({ column, reason }) => `${column} ${reason}.`);
  return new AppError('invalid_input', [...new Set(sentences)].join(' '), { faults });
}

function reasonOf(error: Partial<ErrorObject>): string {
  const parameters: Record<string, unknown> = error.params ?? {};
  if (error.keyword === 'additionalProperties') return `has no field "${String(parameters['additionalProperty'])}"`;
  if (error.keyword === 'enum') return `must be one of ${JSON.stringify(parameters['allowedValues'])}`;
  if (error.keyword === 'const') return `must be ${JSON.stringify(parameters['allowedValue'])}`;
  return error.message ?? 'is not valid';
}

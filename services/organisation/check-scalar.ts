/**
 * Checks one YAML scalar against a schema's leaf. Texts come out exactly as written, quoted or not; numbers are only for counts.
 */
import type { Scalar } from 'yaml';
import type { Places } from './located-value.ts';
import { didYouMean, listWords } from './suggestion.ts';
import { checkFormat, isTextFormat } from './text-formats.ts';

/** The JSON Schema keywords the reader knows; read-yaml.ts lists which. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly format?: string;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Named {
  readonly path: string;
  /** What messages call it: `"limit" in envelope 2`. */
  readonly name: string;
}

/** The characters of a scalar as they stand in the file, without quotes. */
export function writtenText(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? JSON.stringify(node.value));
}

/** The scalar's value in the schema's type, or undefined after reporting why not. */
export function checkScalar(places: Places, schema: Schema, node: Scalar, at: Named): unknown {
  const types = schema.type === undefined ? [] : [schema.type].flat();
  const refuse = (reason: string, fix?: string): undefined => places.add(at.path, reason, fix) as undefined;
  if (node.value === null && !types.includes('null'))
    return refuse(`${at.name} has no value`, 'Write one, or leave the key out.');
  if (types.includes('null')) return null;
  const written = writtenText(node);
  if (schema.const !== undefined) {
    return node.value === schema.const
      ? schema.const
      : refuse(`${at.name} is "${written}"`, `It can only be ${JSON.stringify(schema.const)}.`);
  }
  if (schema.enum !== undefined) {
    if (schema.enum.includes(written)) return written;
    return refuse(
      `${at.name} is "${written}"`,
      didYouMean(written, schema.enum) ?? `It is one of ${listWords(schema.enum)}.`,
    );
  }
  if (types.includes('string')) {
    if (typeof node.value !== 'string' && types.length === 1) {
      return refuse(`${at.name} is ${written}, which YAML reads as a ${typeof node.value}`, `Quote it: "${written}".`);
    }
    return checkText(places, schema, written, at);
  }
  if (types.includes('boolean'))
    return typeof node.value === 'boolean' ? node.value : refuse(`${at.name} is "${written}"`, 'It is true or false.');
  return checkInteger(places, schema, node.value, written, at);
}

function checkText(places: Places, schema: Schema, written: string, at: Named): string | undefined {
  if (written.trim() === '') {
    places.add(at.path, `${at.name} is an empty text`, 'Write something, or leave the key out.');
    return undefined;
  }
  const fault = isTextFormat(schema.format) ? checkFormat(schema.format, written) : null;
  if (fault === null) return written;
  places.add(at.path, `${at.name} is "${written}", which ${fault.reason}`, fault.fix);
  return undefined;
}

function checkInteger(places: Places, schema: Schema, value: unknown, written: string, at: Named): number | undefined {
  const minimum = schema.minimum ?? 0;
  const maximum = schema.maximum ?? Number.MAX_SAFE_INTEGER;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum && value <= maximum) return value;
  const range = schema.maximum === undefined ? `from ${minimum}` : `from ${minimum} to ${maximum}`;
  places.add(at.path, `${at.name} is "${written}"`, `It is a whole number ${range}.`);
  return undefined;
}

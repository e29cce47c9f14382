/**
 * The form of a job's payload: a check for each field. Payloads hold ids, words and dates only, so that these few lines do what a schema
 * library would, which was two fifths of the modules that a worker loaded at its start.
 */

type Check<Value> = (value: unknown) => value is Value;
type Checks = Readonly<Record<string, Check<unknown>>>;
type Checked<Fields> = { [Name in keyof Fields]: Fields[Name] extends Check<infer Value> ? Value : never };

export interface PayloadForm {
  readonly required: Checks;
  readonly optional: Checks;
}

export type PayloadOf<Form extends PayloadForm> = Checked<Form['required']> & Partial<Checked<Form['optional']>>;

const ORDINAL_MAX = 1_000_000;
const NAME_LENGTH_MAX = 200;

/** The id of a row. */
export const isRowId: Check<string> = (value): value is string => typeof value === 'string' && /^\d+$/.test(value);

/** An id that people or another system gave. */
export const isName: Check<string> = (value): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= NAME_LENGTH_MAX;

export const isText: Check<string> = (value): value is string => typeof value === 'string';

export const isYesOrNo: Check<boolean> = (value): value is boolean => typeof value === 'boolean';

/** A place in a list, from 0. */
export const isOrdinal: Check<number> = (value): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= ORDINAL_MAX;

export function isOneOf<const Word extends string>(...words: readonly Word[]): Check<Word> {
  return (value): value is Word => words.some((word) => word === value);
}

export function isObjectOf<const Fields extends Checks>(fields: Fields): Check<Checked<Fields>> {
  return (value): value is Checked<Fields> => fits({ required: fields, optional: {} }, value);
}

/** Whether a payload has every required field, none that is unknown, and in each what belongs there. */
export function fits(form: PayloadForm, payload: unknown): boolean {
  if (typeof payload !== 'object' || payload === null) return false;
  const checks = new Map(Object.entries({ ...form.required, ...form.optional }));
  const isKnown = ([name, value]: [string, unknown]) => checks.get(name)?.(value) ?? false;
  return (
    Object.keys(form.required).every((name) => Object.hasOwn(payload, name)) && Object.entries(payload).every(isKnown)
  );
}

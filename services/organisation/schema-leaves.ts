/**
 * The leaves of the organisation file's schema: texts with a format, and the list and object forms the sections are built of.
 * A plain text may be written without quotes even where YAML reads a number (`4711`, `12000.00`, `2026`): the reader takes the
 * characters as they stand in the file, so no digit is lost.
 */
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';

/** What a text must look like beyond being one; each has its check and its message in text-formats.ts. */
export type TextFormat =
  | 'id'
  | 'plain-date'
  | 'decimal'
  | 'currency-code'
  | 'time-zone'
  | 'iso-duration'
  | 'clock-duration'
  | 'cron'
  | 'period-name'
  | 'slack-channel'
  | 'channel';

/** Text of any content. */
export function text(description: string) {
  return Type.String({ minLength: 1, description });
}

/** Text that must have a format, always a text in YAML as well. */
export function formatted(format: TextFormat, description: string) {
  return Type.String({ minLength: 1, format, description });
}

/** Text that YAML may take for a number or a boolean when it is not quoted: read as it is written. */
export function plainText(description: string, format?: TextFormat) {
  return Type.Unsafe<string>({
    type: ['string', 'number', 'boolean'],
    description,
    ...(format === undefined ? {} : { format }),
  });
}

/** One of a few words. */
export function oneOf<const Words extends readonly string[]>(words: Words, description: string) {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], description });
}

/** A map with exactly these keys. The title names it in messages: `unknown key "x" in pod "checkout"`. */
export function object<Properties extends TProperties>(
  title: string,
  properties: Properties,
  options: Readonly<Record<string, unknown>> = {},
): TObject<Properties> {
  return Type.Object(properties, { title, additionalProperties: false, ...options });
}

/** A top-level list, which may also stand empty: `envelopes:` with every entry commented out. */
export function section<Item extends TSchema>(item: Item, description: string) {
  return Type.Optional(
    Type.Unsafe<readonly Static<Item>[] | null>({ anyOf: [Type.Array(item), Type.Null()], description }),
  );
}

/** One value, or a list of values each with the date from which it holds. */
export function dated(description: string) {
  const entry = object('dated value', {
    value: plainText('The value.'),
    from: Type.Optional(
      formatted('plain-date', 'The first charge date it holds on; the first entry may leave it out.'),
    ),
  });
  return Type.Unsafe<string | readonly Static<typeof entry>[]>({
    anyOf: [plainText(description), Type.Array(entry, { minItems: 1 })],
    description,
  });
}

/**
 * The domain's values are read-only, response schemas describe plain JSON. This is the same value under its JSON type, so that the
 * compiler still holds every route to its schema.
 */

export type Response<Value> = Value extends string | number | boolean | null | undefined
  ? Value
  : Value extends readonly (infer Item)[]
    ? Response<Item>[]
    : { -readonly [Key in keyof Value]: Response<Value[Key]> };

/** Gives the value back unchanged. */
export function asResponse<Value>(value: Value): Response<Value> {
  return value as Response<Value>;
}

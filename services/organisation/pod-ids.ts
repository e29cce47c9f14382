/**
 * Ids for proposed pods: readable, unique, and never another value's name, because a tag's value finds its pod by id or alias.
 */

const ID_CHARACTERS_MAX = 60;

/** Lower-case letters, digits and dashes; `fallback` where nothing of the name is left. */
export function slugOf(name: string, fallback: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, ID_CHARACTERS_MAX)
    .replace(/^-+|-+$/g, '');
  return slug === '' ? fallback : slug;
}

/** `base`, or `base-2`, `base-3`, … where it is taken. */
export function uniqueId(base: string, taken: ReadonlySet<string>): string {
  for (let count = 2, id = base; ; count += 1) {
    if (!taken.has(id)) return id;
    id = `${base}-${count}`;
  }
}

/** An id for each name, in order. A name that is an id already keeps it, whatever else would be cut to the same. */
export function assignPodIds(names: readonly string[]): string[] {
  const taken = new Set(names.map((name) => name.trim().toLowerCase()));
  return names.map((name) => {
    const slug = slugOf(name, 'pod');
    if (slug === name.trim().toLowerCase()) return slug;
    const id = uniqueId(slug, taken);
    taken.add(id);
    return id;
  });
}

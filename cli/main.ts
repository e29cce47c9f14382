/**
 * The entry of the command line. Node keeps the compiled code beside the packages, which halves the start of every command; where that
 * folder cannot be written it does without. Never in a shared temporary folder: what lies there would be run.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/outturn-compile'));
await import('./run.ts');

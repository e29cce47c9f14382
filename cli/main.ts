/**
 * The entry of the command line. Node keeps the compiled code beside the packages, which halves the start of every command; where that
 * folder cannot be written it does without. Never in a shared temporary folder: what lies there would be run.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// The processes a command starts take the folder from the environment.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/outturn-compile');
enableCompileCache(process.env['NODE_COMPILE_CACHE']);
await import('./run.ts');

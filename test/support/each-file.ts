/**
 * Runs before every test file. Files share a process, which spares each of them a second of loading: so none may leave to the next what
 * it set in the environment, and each tells for itself whether one of its tests failed.
 */
import { afterAll, afterEach } from 'vitest';
import { currentFile } from './failed-file.ts';

const environment = { ...process.env };
currentFile.hasFailed = false;

afterEach(({ task }) => {
  currentFile.hasFailed ||= task.result?.state === 'fail';
});
afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
});

/**
 * Writes outturn.schema.json at the root of the repository from the file's schema: `node services/organisation/write-schema.ts`,
 * then the formatter.
 * Editors check outturn.yaml against it; a test fails where the two differ.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { organisationSchema } from './organisation-schema.ts';

/** The published JSON Schema: the content of outturn.schema.json. */
export function publishedJsonSchema(): object {
  const head = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    description: 'outturn.yaml, the organisation as code.',
  };
  return { ...head, ...organisationSchema };
}

if (import.meta.main) {
  await writeFile(
    join(import.meta.dirname, '../../outturn.schema.json'),
    `${JSON.stringify(publishedJsonSchema(), null, 2)}\n`,
  );
}

/**
 * The OpenAPI document as a promise: complete, true to the routes, and the same list as docs/api.md. A validator of documents is
 * not among our packages, so the rules that matter to a reader or a generator are written out here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { fastify } from 'fastify';
import { requireRoles } from '../../api/authorisation.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly description?: string;
  readonly security?: readonly Record<string, readonly string[]>[];
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema?: object }[];
  readonly requestBody?: { content: Record<string, { schema?: object }> };
  readonly responses: Record<
    string,
    { description?: string; content?: Record<string, { schema?: { type?: string } }> }
  >;
}

interface Document {
  readonly openapi: string;
  readonly info: { title: string; version: string };
  readonly tags: readonly { name: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    schemas: Record<string, object>;
    securitySchemes: Record<string, { type: string; scheme: string }>;
  };
}

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

async function readDocument(api: TestApi): Promise<Document> {
  const answer = await api.app.inject({ url: '/api/openapi.json' });
  expect(answer.statusCode).toBe(200);
  return answer.json<Document>();
}

function listOperations(document: Document): { name: string; path: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      operation,
    })),
  );
}

describe('the OpenAPI document', () => {
  test('describes every operation: summary, tag, success, refusals', async ({ api }) => {
    const document = await readDocument(api);
    expect(document.openapi).toMatch(/^3\.1\./);
    const tags = new Set(document.tags.map((tag) => tag.name));
    const operations = listOperations(document);
    expect(operations.length).toBeGreaterThan(15);
    for (const { name, operation } of operations) {
      expect(operation.summary, name).toMatch(/\S/);
      expect(
        operation.tags?.every((tag) => tags.has(tag)),
        name,
      ).toBe(true);
      const statuses = Object.keys(operation.responses);
      expect(
        statuses.some((status) => /^2\d\d$/.test(status)),
        `${name} ${statuses.join()}`,
      ).toBe(true);
      expect(statuses, name).toEqual(expect.arrayContaining(['4XX', '5XX']));
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(response.description, `${name} ${status}`).toMatch(/\S/);
        const types = Object.keys(response.content ?? {});
        expect(types.length, `${name} ${status}`).toBeGreaterThan(0);
        if (!status.startsWith('2')) expect(types, `${name} ${status}`).toEqual(['application/problem+json']);
      }
    }
  });

  test('asks for a token, says who may call and what 401 and 403 look like on every route under /api/v1', async ({
    api,
  }) => {
    const document = await readDocument(api);
    const [scheme] = Object.keys(document.components.securitySchemes);
    expect(document.components.securitySchemes[scheme ?? '']).toMatchObject({ type: 'http', scheme: 'bearer' });
    for (const { name, path, operation } of listOperations(document)) {
      if (!path.startsWith('/api/v1/')) {
        expect(operation.security, name).toBeUndefined();
        continue;
      }
      expect(operation.security, name).toEqual([{ [scheme ?? '']: [] }]);
      expect(Object.keys(operation.responses), name).toEqual(expect.arrayContaining(['400', '401', '403']));
      expect(operation.description, name).toMatch(/Roles: \w/);
    }
  });

  test('declares every path parameter and resolves every reference', async ({ api }) => {
    const document = await readDocument(api);
    for (const { name, path, operation } of listOperations(document)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const declared = (operation.parameters ?? []).filter((one) => one.in === 'path').map((one) => one.name);
      expect(declared, name).toEqual(inPath);
    }
    for (const [, reference = ''] of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
      const target = reference.replace('#/components/schemas/', '');
      expect(document.components.schemas[target], reference).toBeDefined();
    }
  });

  test('takes Idempotency-Key on every POST, and limit and cursor on every list', async ({ api }) => {
    for (const { name, operation } of listOperations(await readDocument(api))) {
      const names = (operation.parameters ?? []).map((one) => one.name);
      // Events have ids of their own, by which each is taken once.
      if (name.startsWith('POST') && name !== 'POST /api/v1/events') expect(names, name).toContain('idempotency-key');
      const schema = operation.responses['200']?.content?.['application/json']?.schema;
      if (schema?.type === 'array') expect(names, name).toEqual(expect.arrayContaining(['limit', 'cursor']));
    }
  });

  test('never gives money as a number', async ({ api }) => {
    const document = await readDocument(api);
    const numbers = [...JSON.stringify(document).matchAll(/"(\w+)":\{[^{}]*"type":"number"/g)].map((match) => match[1]);
    expect(numbers).toEqual([]);
  });

  test('is the table of routes and roles in docs/api.md', async ({ api }) => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8');
    const told = [...guide.matchAll(/^\| `((?:GET|POST) \/api\/v1\/[^`]+)` \| ([a-z, ]+) \|/gm)].map(
      (match) => `${match[1]}: ${match[2]}`,
    );
    const served = listOperations(await readDocument(api))
      .filter(({ path }) => path.startsWith('/api/v1/'))
      .map(({ name, operation }) => `${name}: ${/Roles: (.*)\.$/.exec(operation.description ?? '')?.[1]}`);
    expect(told.toSorted()).toEqual(served.toSorted());
  });
});

test('the page to browse it needs nothing from elsewhere', async ({ api }) => {
  const page = await api.app.inject({ url: '/api/docs/' });
  expect(page.statusCode).toBe(200);
  expect(page.body).not.toMatch(/(src|href)="https?:/);
  expect(page.body).toContain('<title>Outturn API</title>');
  const icon = await api.app.inject({
    url: /href="([^"]*mark\.svg)"/.exec(page.body)?.[1]?.replace(/^\./, '/api/docs') ?? '',
  });
  expect(icon.headers['content-type']).toContain('image/svg+xml');
  const script = await api.app.inject({ url: '/api/docs/static/swagger-ui-bundle.js' });
  expect(script.statusCode).toBe(200);
});

test('a route that does not say who may call it does not start', async ({ api, database }) => {
  const app = fastify();
  requireRoles(app, { db: database.db, clock: api.clock });
  expect(() => app.get('/api/v1/forgotten', () => 'figures')).toThrow(/GET \/api\/v1\/forgotten does not declare/);
  await app.close();
});

/**
 * The clients of http-figures.ts, in a process of their own as the product's are. They ask the path they are told, each its next question once
 * it was answered, and hold every answer against the total it must have.
 */
import { Agent, get } from 'node:http';

/** One load. */
export interface HttpLoad {
  readonly port: number;
  readonly token: string;
  readonly path: string;
  readonly clients: number;
  readonly requests: number;
  /** What every answer's total cost has to be. */
  readonly cost: string;
}

export type HttpAnswer =
  | { readonly times: readonly number[]; readonly elapsedMs: number }
  | { readonly failure: string };

process.on('message', (load: HttpLoad) => {
  void measure(load)
    .catch((error: unknown) => ({ failure: String(error) }))
    .then((answer: HttpAnswer) => process.send?.(answer));
});

async function measure(load: HttpLoad): Promise<HttpAnswer> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.clients });
  const times: number[] = [];
  let left = load.requests;
  let checked = '';
  const startedAt = performance.now();
  const client = async () => {
    while (left > 0) {
      left -= 1;
      const askedAt = performance.now();
      const text = await ask(agent, load);
      times.push(performance.now() - askedAt);
      if (text !== checked) checkCost(text, load.cost);
      checked = text;
    }
  };
  try {
    await Promise.all(Array.from({ length: load.clients }, client));
    return { times, elapsedMs: performance.now() - startedAt };
  } finally {
    agent.destroy();
  }
}

function checkCost(text: string, expected: string): void {
  const { total } = JSON.parse(text) as { total: { cost: string } };
  if (total.cost !== expected) throw new Error(`an answer has ${total.cost} in all; it should have ${expected}.`);
}

function ask(agent: Agent, { port, path, token }: HttpLoad): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ agent, host: '127.0.0.1', port, path, headers: { authorization: `Bearer ${token}` } }, (response) => {
      const parts: Buffer[] = [];
      response.on('error', reject).on('end', () => {
        const text = Buffer.concat(parts).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${path} answered ${response.statusCode}: ${text}`));
      });
      response.on('data', (part: Buffer) => parts.push(part));
    }).on('error', reject);
  });
}

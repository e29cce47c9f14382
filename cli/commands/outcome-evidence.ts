/** outturn outcomes evidence: what stands behind an outcome, added, given back, marked as broken and mended, in the name of OUTTURN_TOKEN. */
import { open, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { breakEvidence, mendEvidence } from '../../services/evidence/break-evidence.ts';
import { listEvidence } from '../../services/evidence/evidence.ts';
import { readEvidenceFile } from '../../services/evidence/read-evidence-file.ts';
import { EVIDENCE_BYTES_MAX } from '../../services/evidence/recognise-file.ts';
import { recordEvidence, uploadEvidence } from '../../services/evidence/record-evidence.ts';
import { readAs } from '../../services/access/read-as.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderEvidence } from '../render/evidence.ts';
import { type Runtime, withRuntime } from '../runtime.ts';

interface EvidenceOptions {
  readonly file?: string;
  readonly link?: string;
  readonly title?: string;
  readonly out?: string;
  readonly reason?: string;
  readonly json?: boolean;
}

/** Adds `evidence` with its acts to `outturn outcomes`. */
export function addEvidenceCommands(outcomes: Command): void {
  const evidence = outcomes.command('evidence').description('links and files that stand behind an outcome');

  const adding = evidence
    .command('add')
    .description('add a link or a file; the same again changes nothing')
    .argument('<outcome>', 'the id of the outcome')
    .option('--link <url>', 'an address; kept and shown, never fetched')
    .option('--file <path>', 'a document, picture or text of at most 10 MB, kept by its hash')
    .option('--title <text>', 'what is seen at the link')
    .action(
      runEvidence(async (runtime, outcomeId, options) => {
        const added = await addEvidence(runtime, outcomeId, options);
        return { found: added, text: added.change === 'created' ? 'Added.' : 'It is there already.' };
      }),
    );
  withExamples(
    withJson(adding),
    'outturn outcomes evidence add 12 --file results-q3.pdf',
    'outturn outcomes evidence add 12 --link https://wiki.example.com/ab-test --title "A/B test, September"',
  );

  const listing = evidence
    .command('list')
    .description('the evidence of an outcome, and what of it is broken')
    .argument('<outcome>', 'the id of the outcome')
    .action(
      runEvidence(async (runtime, outcomeId) => {
        const principal = await actingPrincipal(runtime);
        const evidence = await readAs(runtime.db, principal, (trx) => listEvidence(trx, outcomeId));
        return { found: { evidence }, text: renderEvidence(evidence) };
      }),
    );
  withExamples(withJson(listing), 'outturn outcomes evidence list 12');

  const saving = evidence
    .command('save')
    .description('write an uploaded file to a new file of yours')
    .argument('<outcome>', 'the id of the outcome')
    .argument('<sha256>', 'its hash, as the list shows it, or how it begins')
    .requiredOption('--out <path>', 'where to; what is there already stays')
    .action(
      runEvidence(async (runtime, outcomeId, { out = '' }, sha256) => {
        const file = await readAs(runtime.db, await actingPrincipal(runtime), async (trx) => {
          const [match, ...others] = (await listEvidence(trx, outcomeId)).filter(
            (one) => one.kind === 'file' && one.sha256?.startsWith(sha256) === true,
          );
          if (match === undefined || others.length > 0) {
            throw new AppError('not_found', `The hash ${sha256} names ${others.length === 0 ? 'no file' : 'several'}.`);
          }
          return readEvidenceFile(trx, outcomeId, match.sha256 ?? '');
        });
        await writeFile(out, file.content, { flag: 'wx' }).catch((cause: unknown) => {
          throw new AppError('invalid_input', `${out} cannot be written as a new file.`, { cause });
        });
        return { found: { out, fileName: file.fileName, sizeBytes: file.content.length }, text: `Written to ${out}.` };
      }),
    );
  withExamples(withJson(saving), 'outturn outcomes evidence save 12 9f86d081 --out results-q3.pdf');

  for (const { name, description, work, done } of ACTS) {
    const command = evidence
      .command(name)
      .description(description)
      .argument('<outcome>', 'the id of the outcome')
      .argument('<evidence>', 'the id of the evidence, as the list shows it')
      .requiredOption('--reason <text>', 'why; kept in the audit trail')
      .action(
        runEvidence(async (runtime, outcomeId, { reason = '' }, evidenceId) => {
          const acting = { principal: await actingPrincipal(runtime), at: runtime.clock.now() };
          const touched = await runtime.db
            .transaction()
            .execute((trx) => work(trx, { outcomeId, evidenceId, reason, ...acting }));
          return { found: { evidence: touched }, text: touched.length === 0 ? 'It was so already.' : done };
        }),
      );
    withExamples(withJson(command), `outturn outcomes evidence ${name} 12 34 --reason "…"`);
  }
}

const ACTS = [
  {
    name: 'break',
    description: 'say that evidence no longer holds: nothing is verified with it, no money moves',
    work: breakEvidence,
    done: 'Marked as broken. What is verified stays so and counts; nothing more of the outcome is verified until it is mended.',
  },
  {
    name: 'mend',
    description: 'say that broken evidence holds again; takes a token of role finance',
    work: mendEvidence,
    done: 'It holds again.',
  },
] as const;

async function addEvidence(runtime: Runtime, outcomeId: string, { link, file, title }: EvidenceOptions) {
  if ((link === undefined) === (file === undefined) || (file !== undefined && title !== undefined)) {
    throw new AppError('invalid_input', 'Give either --link, with --title if you like, or --file.');
  }
  const acting = { outcomeId, principal: await actingPrincipal(runtime), at: runtime.clock.now() };
  const bytes = file === undefined ? Buffer.alloc(0) : await readAtMost(file);
  return runtime.db.transaction().execute(async (trx) => {
    if (file !== undefined) return uploadEvidence(trx, { ...acting, fileName: basename(file), bytes });
    return recordEvidence(trx, {
      ...acting,
      kind: 'link',
      uri: link ?? '',
      ...(title === undefined ? {} : { title }),
    });
  });
}

/** Reads one byte more than is kept, never a whole huge file. */
async function readAtMost(path: string): Promise<Buffer> {
  try {
    await using file = await open(path);
    const buffer = Buffer.alloc(EVIDENCE_BYTES_MAX + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) return buffer.subarray(0, length);
    }
  } catch (cause) {
    throw new AppError('invalid_input', `The file ${path} cannot be read. Check the path and its permissions.`, {
      cause,
    });
  }
}

/** An action of a subcommand: `first` is the outcome, `second` what of it, where there is one. */
function runEvidence(
  work: (
    runtime: Runtime,
    outcomeId: string,
    options: EvidenceOptions,
    second: string,
  ) => Promise<{ found: unknown; text: string }>,
) {
  return async (outcomeId: string, ...rest: (string | EvidenceOptions | Command)[]): Promise<void> => {
    const options = rest.findLast((one): one is EvidenceOptions => typeof one === 'object' && !('parent' in one)) ?? {};
    const second = typeof rest[0] === 'string' ? rest[0] : '';
    await withRuntime({ applicationName: 'outturn outcomes' }, async (runtime) => {
      const { found, text } = await work(runtime, outcomeId, options, second);
      if (options.json === true) printJson(found);
      else printText(text);
    });
  };
}

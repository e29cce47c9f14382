/**
 * Draws messages.json, which has the blocks that the product sent (in `outturn demo`, to a server that behaves like Slack), as pictures beside it:
 * `npx node docs/slack/draw-pictures.ts`, where a Chromium is. What a block looks like is ours; what it says is the product's.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { promisify } from 'node:util';

interface Text {
  readonly type: string;
  readonly text: string;
}

interface Element {
  readonly type: string;
  readonly text?: Text | string;
  readonly style?: string;
  readonly placeholder?: Text;
}

interface Block {
  readonly type: string;
  readonly text?: Text;
  readonly label?: Text;
  readonly optional?: boolean;
  readonly element?: Element;
  readonly elements?: readonly Element[];
}

interface Picture {
  readonly name: string;
  /** Where it stands, over the picture. */
  readonly place: string;
  readonly parts: readonly Part[];
}

interface Part {
  readonly kind: 'message' | 'reply' | 'view';
  readonly title?: string;
  readonly submit?: string;
  readonly blocks: readonly Block[];
}

const CHROMIUM = env['CHROMIUM'] ?? '/usr/bin/chromium';
const WIDTH = 620;
const run = promisify(execFile);

const STYLE = `
  * { box-sizing: border-box; }
  body { margin: 0; padding: 14px 16px; font: 15px/1.45 'DejaVu Sans', sans-serif; color: #1d1c1d; background: #fff; width: ${WIDTH}px; }
  .place { color: #616061; font-size: 12px; margin-bottom: 8px; }
  .who { font-weight: bold; } .who i { font: normal 10px sans-serif; background: #e8e8e8; color: #616061; border-radius: 2px; padding: 1px 3px; margin-left: 6px; }
  .reply { margin: 10px 0 0 24px; border-left: 3px solid #ddd; padding-left: 12px; }
  .view { border: 1px solid #ccc; border-radius: 8px; padding: 12px 16px; }
  .view > h1 { font-size: 16px; margin: 0 0 10px; }
  h2 { font-size: 17px; margin: 6px 0; } p { margin: 6px 0; } .context { color: #616061; font-size: 12.5px; }
  code { font: 12.5px 'DejaVu Sans Mono', monospace; background: #f2f2f2; border: 1px solid #ddd; border-radius: 3px; padding: 0 3px; color: #444; }
  .mention { background: #e8f5fa; color: #1264a3; border-radius: 3px; padding: 0 2px; }
  .buttons { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 8px; }
  .button { border: 1px solid #bbb; border-radius: 4px; padding: 4px 11px; font-size: 13.5px; font-weight: bold; }
  .primary { background: #007a5a; border-color: #007a5a; color: #fff; }
  label { display: block; font-weight: bold; font-size: 13.5px; margin: 10px 0 4px; } label i { font-weight: normal; font-style: normal; color: #616061; }
  .field { border: 1px solid #bbb; border-radius: 4px; padding: 6px 10px; color: #888; font-size: 13.5px; min-height: 34px; } .many { min-height: 60px; }
`;

const folder = import.meta.dirname;
const { people, pictures } = JSON.parse(await readFile(join(folder, 'messages.json'), 'utf8')) as {
  people: Readonly<Record<string, string>>;
  pictures: readonly Picture[];
};
const scratch = await mkdtemp(join(tmpdir(), 'outturn-pictures-'));
try {
  for (const picture of pictures) await draw(picture);
} finally {
  await rm(scratch, { recursive: true });
}

async function draw(picture: Picture): Promise<void> {
  const page = join(scratch, `${picture.name}.html`);
  const measure = `<script>document.body.dataset.height = Math.ceil(document.body.getBoundingClientRect().height)</script>`;
  await writeFile(
    page,
    `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><body>${pictureHtml(picture)}${measure}`,
  );
  const options = ['--headless', '--no-sandbox', '--hide-scrollbars', `--user-data-dir=${scratch}/profile`];
  const { stdout } = await run(CHROMIUM, [...options, '--dump-dom', `file://${page}`]);
  const height = /data-height="(\d+)"/.exec(stdout)?.[1] ?? '600';
  const target = join(folder, `${picture.name}.png`);
  await run(CHROMIUM, [...options, `--window-size=${WIDTH},${height}`, `--screenshot=${target}`, `file://${page}`]);
}

function pictureHtml({ place, parts }: Picture): string {
  return `<div class="place">${escapeHtml(place)}</div>${parts.map(partHtml).join('')}`;
}

function partHtml({ kind, title, submit, blocks }: Part): string {
  const body = blocks.map(blockHtml).join('');
  if (kind !== 'view') return `<div class="${kind}"><div class="who">Outturn<i>APP</i></div>${body}</div>`;
  const head = title === undefined ? '' : `<h1>${escapeHtml(title)}</h1>`;
  const sent = submit === undefined ? '' : `<span class="button primary">${escapeHtml(submit)}</span>`;
  return `<div class="view">${head}${body}${sent === '' ? '' : `<div class="buttons">${sent}</div>`}</div>`;
}

function blockHtml(block: Block): string {
  const { text, label, element, elements = [] } = block;
  switch (block.type) {
    case 'header':
      return `<h2>${textHtml(text)}</h2>`;
    case 'section':
      return `<p>${textHtml(text)}</p>`;
    case 'context':
      return `<p class="context">${elements.map((each) => textHtml(each as Text)).join(' ')}</p>`;
    case 'actions':
      return `<div class="buttons">${elements.map(buttonHtml).join('')}</div>`;
    case 'input': {
      const optional = block.optional === true ? ' <i>(optional)</i>' : '';
      const size = element?.type === 'plain_text_input' && !('placeholder' in element) ? 'field many' : 'field';
      const hint = element?.type === 'datepicker' ? 'Select a date' : textHtml(element?.placeholder);
      return `<label>${textHtml(label)}${optional}</label><div class="${size}">${hint}</div>`;
    }
    default:
      throw new Error(`a block of type ${block.type} cannot be drawn`);
  }
}

function buttonHtml({ type, text, style, placeholder }: Element): string {
  const words = type === 'static_select' ? `${textHtml(placeholder)} ▾` : textHtml(text as Text);
  return `<span class="button ${style ?? ''}">${words}</span>`;
}

/** Markup is escaped for Slack as HTML is; plain text is not. */
function textHtml(text: Text | undefined): string {
  if (text === undefined) return '';
  if (text.type === 'plain_text') return escapeHtml(text.text);
  return text.text
    .replace(/<@(\w+)>/g, (_all, user: string) => `<span class="mention">@${escapeHtml(people[user] ?? user)}</span>`)
    .replace(/`([^`\n]+)`/g, '<code>$1</code>')
    .replace(/(^|\s)\*([^*\n]+)\*/g, '$1<b>$2</b>')
    .replaceAll('\n', '<br>');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Slack's published limits on blocks and views, as the double holds messages to them. */

export interface Block {
  readonly type?: unknown;
  readonly block_id?: unknown;
  readonly text?: TextObject;
  readonly elements?: readonly Element[];
  readonly element?: Element;
  readonly label?: TextObject;
}

interface TextObject {
  readonly type?: unknown;
  readonly text?: unknown;
}

export interface Element {
  readonly type?: unknown;
  readonly action_id?: unknown;
  readonly text?: unknown;
  readonly value?: unknown;
  readonly url?: unknown;
  readonly style?: unknown;
  readonly placeholder?: TextObject;
  readonly options?: readonly { readonly text?: TextObject; readonly value?: unknown }[];
  readonly confirm?: {
    readonly title?: TextObject;
    readonly text?: TextObject;
    readonly confirm?: TextObject;
    readonly deny?: TextObject;
  };
}

export const MESSAGE_BLOCKS_MAX = 50;
const VIEW_BLOCKS_MAX = 100;
const SECTION_LENGTH_MAX = 3_000;
const HEADER_LENGTH_MAX = 150;
const CONTEXT_ELEMENTS_MAX = 10;
const ACTIONS_MAX = 25;
const BUTTON_LENGTH_MAX = 75;
const VALUE_LENGTH_MAX = 2_000;
const URL_LENGTH_MAX = 3_000;
const ID_LENGTH_MAX = 255;
const OPTIONS_MAX = 100;
const OPTION_VALUE_LENGTH_MAX = 150;
const TITLE_LENGTH_MAX = 24;
const METADATA_LENGTH_MAX = 3_000;

export function areValidBlocks(blocks: readonly Block[], blocksMax = MESSAGE_BLOCKS_MAX): boolean {
  if (!Array.isArray(blocks) || blocks.length > blocksMax) return false;
  const ids = blocks.flatMap(({ block_id: id }) => (id === undefined ? [] : [id]));
  const actions = blocks.flatMap((block) => {
    const own = [...(block.elements ?? []), ...(block.element === undefined ? [] : [block.element])];
    return own.flatMap(({ action_id: id }) => (id === undefined ? [] : [id]));
  });
  return areIds(ids) && areIds(actions) && blocks.every(isValidBlock);
}

/** Of a home or a modal; the reason where it is not valid. */
export function faultOfView(view: {
  type?: unknown;
  title?: TextObject;
  submit?: TextObject;
  blocks?: readonly Block[];
  private_metadata?: unknown;
  callback_id?: unknown;
}): string | null {
  if (view.type !== 'home' && view.type !== 'modal') return 'type';
  if (!areValidBlocks(view.blocks ?? [], VIEW_BLOCKS_MAX)) return 'blocks';
  if (view.type === 'home') return null;
  if (!isText(view.title, TITLE_LENGTH_MAX, 'plain_text')) return 'title';
  const hasInput = (view.blocks ?? []).some(({ type }) => type === 'input');
  if (hasInput && !isText(view.submit, TITLE_LENGTH_MAX, 'plain_text')) return 'submit';
  return typeof view.private_metadata === 'string' && view.private_metadata.length > METADATA_LENGTH_MAX
    ? 'private_metadata'
    : null;
}

function areIds(ids: readonly unknown[]): boolean {
  return new Set(ids).size === ids.length && ids.every((id) => isString(id, ID_LENGTH_MAX));
}

function isValidBlock(block: Block): boolean {
  const elements = block.elements ?? [];
  switch (block.type) {
    case 'section':
      return isText(block.text, SECTION_LENGTH_MAX);
    case 'header':
      return isText(block.text, HEADER_LENGTH_MAX, 'plain_text');
    case 'context':
      return elements.length > 0 && elements.length <= CONTEXT_ELEMENTS_MAX;
    case 'actions':
      return elements.length > 0 && elements.length <= ACTIONS_MAX && elements.every(isValidElement);
    case 'input':
      return isText(block.label, 2_000, 'plain_text') && block.element !== undefined;
    case 'divider':
      return true;
    default:
      return false;
  }
}

function isValidElement(element: Element): boolean {
  if (element.type === 'button') {
    const { text, value, url, style, confirm } = element;
    return (
      isText(text as TextObject, BUTTON_LENGTH_MAX, 'plain_text') &&
      (value === undefined || isString(value, VALUE_LENGTH_MAX)) &&
      (url === undefined || isString(url, URL_LENGTH_MAX)) &&
      (style === undefined || style === 'primary' || style === 'danger') &&
      (confirm === undefined ||
        (isText(confirm.title, 100) &&
          isText(confirm.text, 300) &&
          isText(confirm.confirm, 30) &&
          isText(confirm.deny, 30)))
    );
  }
  if (element.type !== 'static_select') return false;
  const options = element.options ?? [];
  return (
    options.length > 0 &&
    options.length <= OPTIONS_MAX &&
    options.every(({ text, value }) => isText(text, 75, 'plain_text') && isString(value, OPTION_VALUE_LENGTH_MAX))
  );
}

function isText(text: TextObject | undefined, lengthMax: number, type?: string): boolean {
  return isString(text?.text, lengthMax) && text?.text !== '' && (type === undefined || text?.type === type);
}

function isString(value: unknown, lengthMax: number): boolean {
  return typeof value === 'string' && value.length <= lengthMax;
}

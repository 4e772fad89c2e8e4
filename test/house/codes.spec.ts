import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { CODES_WITH_A_WAY_OUT } from '../../libs/close/src/ways-out.js';

/**
 * Every code that a close can put on an account is explained to whoever has to act on it. The codes are read from the
 * source: from the unions that type them, and from the places where a hold or a warning is written down.
 */

const ROOMS = ['metering', 'rating', 'invoicing', 'billing', 'report-client', 'persistence', 'close'];

/** What a union of codes becomes on an account of a close. */
const UNIONS: Readonly<Record<string, keyof Codes | undefined>> = {
  // metering: what cannot be measured. What one series says about another is told where it is found.
  HoldCode: 'hold',
  ControlCode: undefined,
  // report-client: answers that are not believed, answers that did not come, and what was odd about one.
  RefusalCode: 'hold',
  ReportApiErrorCode: 'hold',
  WarningCode: 'warning',
};

/** Sets that say what becomes of codes: errors that hold an account, warnings that hold that of a strict seller. */
const SETS: Readonly<Record<string, keyof Codes>> = { UNSETTLED: 'hold', UNCONNECTED: 'hold', DOUBTS: 'either' };

interface Codes {
  readonly hold: Set<string>;
  readonly warning: Set<string>;
  /** A hold for one seller and a warning for another. */
  readonly either: Set<string>;
}

async function codesInSource(): Promise<Codes & { unions: Set<string>; sets: Set<string> }> {
  const codes = { hold: new Set<string>(), warning: new Set<string>(), either: new Set<string>() };
  const unions = new Set<string>();
  const sets = new Set<string>();
  for (const room of ROOMS) {
    const folder = join('libs', room, 'src');
    for (const name of (await readdir(folder)).filter((file) => /(?<!\.spec)\.ts$/.test(file))) {
      const text = await readFile(join(folder, name), 'utf8');
      const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
      const visit = (node: ts.Node): void => {
        if (ts.isTypeAliasDeclaration(node) && /Code$/.test(node.name.text)) {
          unions.add(node.name.text);
          const kind = UNIONS[node.name.text];
          if (kind) literalsIn(node.type).forEach((code) => codes[kind].add(code));
        } else if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
          // held(code, message), the way a room writes a hold down; asks(concerns, code, message) an open question.
          const [first, second] = node.arguments;
          if (node.expression.text === 'held' && first) literalsIn(first).forEach((code) => codes.hold.add(code));
          if (node.expression.text === 'asks' && second) literalsIn(second).forEach((code) => codes.either.add(code));
        } else if (ts.isVariableDeclaration(node) && node.initializer && SETS[node.name.getText()]) {
          const kind = SETS[node.name.getText()] ?? 'either';
          sets.add(node.name.getText());
          literalsIn(node.initializer).forEach((code) => codes[kind].add(code));
        } else if (ts.isObjectLiteralExpression(node)) {
          const notice = noticeOf(node);
          if (notice) codes[notice.kind].add(notice.code);
        }
        ts.forEachChild(node, visit);
      };
      visit(file);
    }
  }
  // What may be either is so, wherever else it was found.
  for (const code of codes.hold) if (codes.warning.has(code)) codes.either.add(code);
  for (const code of codes.either) {
    codes.hold.delete(code);
    codes.warning.delete(code);
  }
  return { ...codes, unions, sets };
}

function literalsIn(node: ts.Node): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  const found: string[] = [];
  ts.forEachChild(node, (child) => void found.push(...literalsIn(child)));
  return found;
}

/** `{ code: 'x', message }` that is no refusal of a request: the reason of a hold, a warning, or a finding that may be. */
function noticeOf(node: ts.ObjectLiteralExpression): { code: string; kind: keyof Codes } | undefined {
  const members = new Map<string, ts.Expression | undefined>();
  for (const member of node.properties) {
    if (ts.isPropertyAssignment(member)) members.set(member.name.getText(), member.initializer);
    else if (ts.isShorthandPropertyAssignment(member)) members.set(member.name.text, undefined);
  }
  const code = members.get('code');
  const outcome = members.get('outcome');
  const isRefusal = outcome !== undefined && literalsIn(outcome).includes('refused');
  const isNotice = members.has('message') || members.has('charge');
  if (!code || !ts.isStringLiteralLike(code) || !isNotice || isRefusal) return undefined;
  // Issues of a schema and faults of a document have a path; attempts at a request say whether they are done.
  if (members.has('path') || members.has('pointer') || members.has('done')) return undefined;
  // A finding of a control says itself whom it holds; a notice whose message is yet to come may go either way.
  const holds = members.get('holds');
  if (members.has('holds') || !members.has('message')) {
    const isNever = holds !== undefined && literalsIn(holds).join() === 'never';
    return { code: code.text, kind: isNever ? 'warning' : 'either' };
  }
  const { parent } = node;
  const isHold =
    (outcome !== undefined && literalsIn(outcome).includes('held')) ||
    (ts.isPropertyAssignment(parent) && parent.name.getText() === 'reason') ||
    (ts.isArrayLiteralExpression(parent) &&
      ts.isPropertyAssignment(parent.parent) &&
      parent.parent.name.getText() === 'reasons');
  return { code: code.text, kind: isHold ? 'hold' : 'warning' };
}

/** The codes in the first column of the table below a heading, of the rows that match. */
async function codesUnder(heading: string, row = /./): Promise<string[]> {
  const guide = await readFile('docs/operations.md', 'utf8');
  const section = new RegExp(`^#+ ${heading}$([^]*?)(?=^#|(?![^]))`, 'm').exec(guide)?.[1] ?? '';
  const rows = section.split('\n').filter((line) => /^\| `/.test(line) && row.test(line));
  return rows.flatMap((line) =>
    [...(line.split(' | ')[0] ?? '').matchAll(/`([a-z0-9_]+)`/g)].map(([, code = '']) => code),
  );
}

/** Codes that specs of closes expect accounts to be held for. */
async function codesInSpecs(): Promise<Set<string>> {
  const found = new Set<string>();
  for (const name of await readdir('test/integration')) {
    const text = await readFile(join('test/integration', name), 'utf8');
    for (const [, code = ''] of text.matchAll(/'held ([a-z_]+)'/g)) found.add(code);
  }
  return found;
}

describe('the operations guide', () => {
  let codes: Awaited<ReturnType<typeof codesInSource>>;
  let holds: string[];
  let warnings: string[];

  beforeAll(async () => {
    codes = await codesInSource();
    holds = await codesUnder('Holds: what to do');
    warnings = await codesUnder('Warnings');
  });

  it('is held against all there is: every union of codes is known here, and so is every hold that specs expect', async () => {
    expect([...codes.unions].sort()).toEqual(Object.keys(UNIONS).sort());
    expect([...codes.sets].sort()).toEqual(Object.keys(SETS).sort());
    expect(codes.hold.size + codes.either.size).toBeGreaterThan(45);
    expect(codes.warning.size).toBeGreaterThan(8);
    for (const code of ['inputs_changed', 'not_rated', 'currency_differs', 'ambiguous_taxes', 'usage_not_conserved']) {
      expect([code, codes.hold.has(code)]).toEqual([code, true]);
    }
    for (const code of ['drift', 'waived']) expect([code, codes.warning.has(code)]).toEqual([code, true]);
    const expected = await codesInSpecs();
    expect(expected.size).toBeGreaterThan(8);
    for (const code of expected) expect([code, codes.hold.has(code) || codes.either.has(code)]).toEqual([code, true]);
  });

  it('says of every code that holds an account what to do, also where it only holds those of some sellers', () => {
    const explained = new Set(holds);
    expect([...codes.hold, ...codes.either].filter((code) => !explained.has(code))).toEqual([]);
  });

  it('is not all there is: every code that holds an account has its way out beside it', () => {
    expect([...CODES_WITH_A_WAY_OUT].sort()).toEqual([...codes.hold, ...codes.either].sort());
  });

  it('says of every warning what it means', () => {
    const explained = new Set(warnings);
    expect([...codes.warning].filter((code) => !explained.has(code))).toEqual([]);
  });

  it('says of exactly those holds that they may be waived which may be', async () => {
    const source = await readFile('libs/close/src/waivers.ts', 'utf8');
    const table = /const WAIVABLE[^{]*= \{([^]*?)\n\};/.exec(source)?.[1] ?? '';
    const waivable = [...table.matchAll(/^ {2}(\w+):/gm)].map(([, code]) => code);
    expect(waivable.length).toBeGreaterThan(5);
    expect((await codesUnder('Holds: what to do', /\| yes[^|]*\|$/)).sort()).toEqual(waivable.sort());
  });

  it('explains nothing that does not exist, and each once', () => {
    const exist = new Set([...codes.hold, ...codes.warning, ...codes.either]);
    expect([...holds, ...warnings].filter((code) => !exist.has(code))).toEqual([]);
    expect(holds.filter((code, index) => holds.indexOf(code) !== index)).toEqual([]);
    expect(warnings.filter((code, index) => warnings.indexOf(code) !== index)).toEqual([]);
  });
});

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';

/** Functions that take the texts of two ids one after the other, so that a call with both swapped would compile. */
function swappable(name: string, text: string): string[] {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
  const found: string[] = [];
  const isId = ({ name: given, type }: ts.ParameterDeclaration) =>
    type?.getText(source).startsWith('string') && /(^id|Id)$/.test(given.getText(source));
  const look = (node: ts.Node) => {
    // What Nest calls is not called by hand.
    if (ts.isFunctionLike(node) && !node.parameters.some((parameter) => ts.getDecorators(parameter))) {
      node.parameters.forEach((parameter, at) => {
        const before = node.parameters[at - 1];
        if (before && isId(before) && isId(parameter)) found.push(`${name} ${node.name?.getText(source) ?? ''}`);
      });
    }
    ts.forEachChild(node, look);
  };
  look(source);
  return found;
}

describe('the ids of two things', () => {
  it('are found where a call could swap them', () => {
    const planted = 'export const move = (closeId: string, accountId: string) => closeId + accountId;';
    expect(swappable('planted.ts', planted)).toHaveLength(1);
    expect(swappable('planted.ts', planted.replace('closeId: string, ', 'actor: string, '))).toEqual([]);
  });

  it('are members of a record wherever a function takes both', async () => {
    const found: string[] = [];
    for (const room of ['libs', 'apps']) {
      for (const name of await readdir(room, { recursive: true })) {
        if (!name.endsWith('.ts') || name.includes('generated')) continue;
        found.push(...swappable(name, await readFile(join(room, name), 'utf8')));
      }
    }
    expect(found).toEqual([]);
  });
});

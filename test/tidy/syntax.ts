// One source file as the tidy rules see it: its syntax tree, what it imports and what it exports.
// The parser is Oxc, which vitest brings along; it knows TypeScript but no types, and that is enough.
import { parseAst } from 'vitest/node';

/** An ESTree node with TypeScript's additions; offsets are UTF-16 units into the file's text. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** One reference from a file to another module: import, re-export, import(), type import, new URL. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Names taken, under the names the other module gives them; `*` stands for all of them. */
  readonly names: readonly string[];
  readonly typeOnly: boolean;
  /** True for `export … from`: passing a name on is not using it. */
  readonly passesOn: boolean;
}

export interface Export {
  readonly name: string;
  readonly line: number;
  readonly kind: 'value' | 'type';
  /** Set for `export { name as … } from 'specifier'`. */
  readonly from?: { readonly specifier: string; readonly name: string };
  /** Whether the file itself mentions the name apart from declaring it. */
  readonly usedInside: boolean;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly program: Node;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
}

/** Parses one TypeScript file; throws on a syntax error. */
export function parseSource(path: string, text: string): SourceFile {
  const program = parseAst(text, { lang: 'ts' }) as unknown as Node;
  const lineOf = lineFinder(text);
  const mentions = countMentions(program);
  return {
    path,
    text,
    program,
    imports: findImports(program, lineOf),
    exports: findExports(program, lineOf, mentions),
  };
}

/** Visits every node from the outside in; `parents` runs from the program to the node's parent. */
export function walk(root: Node, visit: (node: Node, parents: readonly Node[]) => void): void {
  const parents: Node[] = [];
  const step = (node: Node): void => {
    visit(node, parents);
    parents.push(node);
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (isNode(child)) step(child);
      }
    }
    parents.pop();
  };
  step(root);
}

/** Whether an Identifier node reads a variable, as opposed to naming a property, a key or a type. */
export function isReference(node: Node, parents: readonly Node[]): boolean {
  const parent = parents.at(-1);
  if (node.type !== 'Identifier' || parent === undefined) return false;
  if (parents.some((each) => TYPE_LEVEL.test(each.type))) return false;
  const named = parent['property'] === node || parent['key'] === node;
  return !named || parent['computed'] === true || parent['shorthand'] === true;
}

/** Names that the file itself binds: imports, variables, functions, classes and parameters. */
export function boundNames(program: Node): ReadonlySet<string> {
  const names = new Set<string>();
  walk(program, (node) => {
    if (/^Import(Default|Namespace)?Specifier$/.test(node.type)) addPattern(node['local'], names);
    if (node.type === 'VariableDeclarator' || /^(Function|Class)/.test(node.type)) {
      addPattern(node['id'], names);
    }
    const params = node['params'];
    if (Array.isArray(params)) for (const param of params) addPattern(param, names);
  });
  return names;
}

/** Text of an Identifier or a string literal, undefined for anything else. */
export function nameOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  if (value.type === 'Identifier') return value['name'] as string;
  const literal = value['value'];
  return value.type === 'Literal' && typeof literal === 'string' ? literal : undefined;
}

/** 1-based line of an offset. */
export function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}

// as, satisfies and ! hold values; everything else that TypeScript adds is about types only.
const TYPE_LEVEL = /^TS(?!AsExpression|SatisfiesExpression|NonNullExpression)/;

function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' && value !== null && typeof Reflect.get(value, 'type') === 'string'
  );
}

function nodes(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [];
}

function findImports(program: Node, lineOf: (offset: number) => number): Import[] {
  const found: Import[] = [];
  const add = (node: Node, source: unknown, rest: Omit<Import, 'specifier' | 'line'>): void => {
    const specifier = nameOf(source);
    if (specifier !== undefined) found.push({ specifier, line: lineOf(node.start), ...rest });
  };
  walk(program, (node) => {
    if (node.type === 'ImportDeclaration') {
      const specifiers = nodes(node['specifiers']);
      const typeOnly =
        node['importKind'] === 'type' ||
        (specifiers.length > 0 && specifiers.every((each) => each['importKind'] === 'type'));
      add(node, node['source'], { names: specifiers.map(importedName), typeOnly, passesOn: false });
    } else if (node.type === 'ExportNamedDeclaration' && node['source']) {
      const names = nodes(node['specifiers']).map((each) => nameOf(each['local']) ?? '*');
      add(node, node['source'], { names, typeOnly: node['exportKind'] === 'type', passesOn: true });
    } else if (node.type === 'ExportAllDeclaration') {
      add(node, node['source'], { names: ['*'], typeOnly: false, passesOn: true });
    } else if (node.type === 'ImportExpression') {
      add(node, node['source'], { names: ['*'], typeOnly: false, passesOn: false });
    } else if (node.type === 'TSImportType') {
      add(node, node['source'], { names: ['*'], typeOnly: true, passesOn: false });
    } else if (node.type === 'NewExpression' && nameOf(node['callee']) === 'URL') {
      // A worker's file is named by URL: new URL('./worker.ts', import.meta.url).
      const [path, base] = nodes(node['arguments']);
      const name = nameOf(path);
      if (path && base && name?.endsWith('.ts') && !/^[/a-z]+:/.test(name)) {
        const source = { ...path, value: /^[./]/.test(name) ? name : `./${name}` };
        add(node, source, { names: [], typeOnly: false, passesOn: false });
      }
    }
  });
  return found;
}

function importedName(specifier: Node): string {
  if (specifier.type === 'ImportNamespaceSpecifier') return '*';
  return specifier.type === 'ImportDefaultSpecifier'
    ? 'default'
    : (nameOf(specifier['imported']) ?? '*');
}

function findExports(
  program: Node,
  lineOf: (offset: number) => number,
  mentions: ReadonlyMap<string, number>,
): Export[] {
  const found: Export[] = [];
  for (const node of nodes(program['body'])) {
    const line = lineOf(node.start);
    if (node.type === 'ExportDefaultDeclaration') {
      found.push({ name: 'default', line, kind: 'value', usedInside: false });
    }
    if (node.type !== 'ExportNamedDeclaration') continue;
    const declaration = nodes(node['declaration'])[0];
    if (declaration) {
      const kind = /^TS(Interface|TypeAlias)/.test(declaration.type) ? 'type' : 'value';
      for (const name of declaredNames(declaration)) {
        found.push({ name, line, kind, usedInside: (mentions.get(name) ?? 0) > 1 });
      }
    }
    for (const specifier of nodes(node['specifiers'])) {
      found.push(exportedSpecifier(node, specifier, line, mentions));
    }
  }
  return found;
}

function exportedSpecifier(
  node: Node,
  specifier: Node,
  line: number,
  mentions: ReadonlyMap<string, number>,
): Export {
  const name = nameOf(specifier['exported']) ?? '*';
  const local = nameOf(specifier['local']) ?? '*';
  const isType = node['exportKind'] === 'type' || specifier['exportKind'] === 'type';
  const source = nameOf(node['source']);
  return {
    name,
    line,
    kind: isType ? 'type' : 'value',
    usedInside: (mentions.get(local) ?? 0) > 3,
    ...(source === undefined ? {} : { from: { specifier: source, name: local } }),
  };
}

function declaredNames(declaration: Node): string[] {
  const names = new Set<string>();
  addPattern(declaration['id'], names);
  for (const each of nodes(declaration['declarations'])) addPattern(each['id'], names);
  return [...names];
}

function addPattern(value: unknown, names: Set<string>): void {
  for (const node of nodes(value)) {
    if (node.type === 'Identifier') names.add(node['name'] as string);
    else if (node.type === 'Property') addPattern(node['value'], names);
    else {
      addPattern(node['left'], names);
      addPattern(node['argument'], names);
      addPattern(node['elements'], names);
      addPattern(node['properties'], names);
      addPattern(node['parameter'], names);
    }
  }
}

function countMentions(program: Node): ReadonlyMap<string, number> {
  const mentions = new Map<string, number>();
  walk(program, (node) => {
    if (node.type !== 'Identifier') return;
    const name = node['name'] as string;
    mentions.set(name, (mentions.get(name) ?? 0) + 1);
  });
  return mentions;
}

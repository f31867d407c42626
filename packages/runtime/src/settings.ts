/**
 * Settings: one schema says what there is; flags win over the environment, that over a file, that over
 * the defaults. Values in, values out: whoever calls reads files and the environment.
 *
 * `listen.port` stands in the file as `{"listen": {"port": 8080}}` and in the environment as
 * `TIDEMARK_LISTEN_PORT`. Whatever is wrong is told at once, all of it, with where it comes from.
 */
import { isObject } from '@tidemark/canonical';
import type { Json } from '@tidemark/canonical';
import { z } from 'zod';
import type { Kind } from './settingKinds.ts';

/** What is known of a setting besides its schema. */
export interface SettingFacts {
  readonly description: string;
  /** As it would be written; undefined where absence has a meaning, which `absent` tells. */
  readonly fallback?: string | number;
  readonly absent?: string;
  /** Of the command line: `--port <n>`. */
  readonly flag?: string;
}

export interface Setting extends SettingFacts {
  /** `listen.port`. */
  readonly name: string;
  readonly kind: Kind<unknown>;
}

/** Groups of settings, two deep. */
export type SettingsSchema = z.ZodObject<Readonly<Record<string, z.ZodObject>>>;

export interface SettingSources {
  /** By the setting's name. */
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: { readonly path: string; readonly json: Json } | undefined;
}

/** A value that somebody gave, and where. */
export interface Given {
  readonly value: Json;
  readonly source: string;
}

export interface Flaw {
  readonly source: string;
  readonly message: string;
}

const KNOWN = new WeakMap<object, { readonly facts: SettingFacts; readonly kind: Kind<unknown> }>();
const PREFIX = 'TIDEMARK_';
const SHOWN_MAX = 60;

/** One setting of a schema that always has a value. */
export function setting<T>(
  kind: Kind<T>,
  facts: SettingFacts & { readonly fallback: string | number },
): z.ZodType<T> {
  const schema = schemaOf(kind).prefault(facts.fallback);
  KNOWN.set(schema, { facts, kind });
  return schema;
}

/** One that may be absent. */
export function optionalSetting<T>(
  kind: Kind<T>,
  facts: SettingFacts & { readonly absent: string },
): z.ZodType<T | undefined> {
  const schema = schemaOf(kind).optional();
  KNOWN.set(schema, { facts, kind });
  return schema;
}

/** Every setting of a schema, in its order. */
export function settingsOf(schema: SettingsSchema): Setting[] {
  return Object.entries(schema.shape).flatMap(([group, { shape }]) =>
    Object.entries(shape).map(([name, leaf]) => {
      const { facts, kind } = KNOWN.get(leaf)!;
      return { ...facts, kind, name: `${group}.${name}` };
    }),
  );
}

/** `listen.port` → `TIDEMARK_LISTEN_PORT`. */
export function variableOf(name: string): string {
  return PREFIX + name.replace('.', '_').toUpperCase();
}

/**
 * Reads a schema's settings from all sources.
 * @returns what was given, whatever is wrong with it, and the values where nothing is
 */
export function resolveSettings<S extends SettingsSchema>(
  schema: S,
  sources: SettingSources,
): { given: ReadonlyMap<string, Given>; flaws: Flaw[]; values: z.infer<S> | undefined } {
  const settings = settingsOf(schema);
  const given = new Map<string, Given>();
  const flaws = [
    ...fromFile(settings, sources.file, given),
    ...fromEnvironment(settings, sources.environment, given),
  ];
  for (const [name, value] of sources.flags) {
    const flag = settings.find((each) => each.name === name)?.flag ?? name;
    given.set(name, { value, source: flag.split(' ')[0]! });
  }
  const result = schema.safeParse(nested(schema, given));
  for (const { path, message } of result.error?.issues ?? []) {
    const name = path.join('.');
    const { value, source } = given.get(name)!;
    flaws.push({ source, message: `${name} is ${shown(value)}; it needs ${message}` });
  }
  const values = result.success && flaws.length === 0 ? result.data : undefined;
  return { given, flaws, values };
}

function schemaOf<T>(kind: Kind<T>): z.ZodType<T, Json> {
  return z.custom<Json>().transform((value, context): T => {
    const read = kind.read(value);
    if (read !== undefined) return read;
    context.addIssue({ code: 'custom', message: kind.allowed });
    return z.NEVER;
  });
}

function fromFile(
  settings: readonly Setting[],
  file: SettingSources['file'],
  given: Map<string, Given>,
): Flaw[] {
  if (file === undefined) return [];
  const source = file.path;
  if (!isObject(file.json)) return [{ source, message: 'it needs an object of groups' }];
  const groups = groupsOf(settings);
  const flaws: Flaw[] = [];
  for (const [group, members] of Object.entries(file.json)) {
    if (!groups.has(group)) flaws.push({ source, message: unknown(group, [...groups]) });
    else if (!isObject(members)) flaws.push({ source, message: `${group} needs an object` });
    else {
      for (const [key, value] of Object.entries(members)) {
        const name = `${group}.${key}`;
        const names = settings.map((each) => each.name);
        if (names.includes(name)) given.set(name, { value, source });
        else flaws.push({ source, message: unknown(name, names) });
      }
    }
  }
  return flaws;
}

/** A variable that begins like a group has to be one of its settings; an empty one counts as unset. */
function fromEnvironment(
  settings: readonly Setting[],
  environment: SettingSources['environment'],
  given: Map<string, Given>,
): Flaw[] {
  const names = new Map(settings.map(({ name }) => [variableOf(name), name]));
  const beginnings = [...groupsOf(settings)].map((group) => variableOf(`${group}.`));
  const flaws: Flaw[] = [];
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined || value === '') continue;
    const name = names.get(variable);
    if (name !== undefined) given.set(name, { value, source: variable });
    else if (beginnings.some((beginning) => variable.startsWith(beginning))) {
      const message = unknown(variable, [...names.keys()]);
      flaws.push({ source: 'the environment', message });
    }
  }
  return flaws;
}

function groupsOf(settings: readonly Setting[]): Set<string> {
  return new Set(settings.map(({ name }) => name.split('.')[0]!));
}

function nested(schema: SettingsSchema, given: ReadonlyMap<string, Given>): unknown {
  return Object.fromEntries(
    Object.entries(schema.shape).map(([group, { shape }]) => {
      const members = Object.keys(shape).flatMap((key) => {
        const found = given.get(`${group}.${key}`);
        return found === undefined ? [] : [[key, found.value] as const];
      });
      return [group, Object.fromEntries(members)];
    }),
  );
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

function unknown(name: string, names: readonly string[]): string {
  const near = names.find((each) => isNear(each, name));
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return `${name.slice(0, SHOWN_MAX)} is no setting${hint}`;
}

/** One letter changed, left out, put in, or two exchanged. */
function isNear(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  return (
    restA.slice(1) === restB.slice(1) ||
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    (restA.slice(2) === restB.slice(2) && restA[0] === restB[1] && restA[1] === restB[0])
  );
}

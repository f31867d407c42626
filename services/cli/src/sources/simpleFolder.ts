/**
 * A folder of the simple API's project documents: `PROJECT/index.json` (or `index.v1_json`, as mirrors write it) and
 * `PROJECT.json`. Each file becomes the target `PROJECT/FILENAME`, with the name as PEP 503 normalises it; a yanked one has
 * its reason in `custom.yanked`. PEP 691 for the documents, PEP 700 for `size`, PEP 592 for yanks.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isObject,
  parseJson,
  RejectedInput,
  type Json,
  type JsonObject,
} from '@tidemark/canonical';
import { checkTargetPath } from '@tidemark/tuf';
import { unreadable } from './bytes.ts';
import { importEventId, itemOr, shown } from './item.ts';
import type { SourceItem } from './item.ts';

interface Document {
  /** Within the folder. */
  readonly path: string;
  /** The project, as the file system names it. */
  readonly named: string;
}

const DOCUMENT_BYTES_MAX = 64 * 2 ** 20;
const REASON_CHARACTERS_MAX = 1000;
const INDEX_NAMES = ['index.json', 'index.v1_json'];

/**
 * Opens a folder that has at least one document. An item's `line` is the file's place in `files`, from 1; 0: the document.
 * @param count is told of bytes that have been read
 * @throws RejectedInput `source.format` where there is none; OperatingFault `source.read`, from the items too
 */
export async function openSimpleFolder(
  folder: string,
  count: (bytes: number) => void,
): Promise<AsyncGenerator<SourceItem>> {
  const documents = documentsIn(folder);
  const first = await documents.next();
  if (first.done === true) {
    const message = `${folder} is a folder without PEP 691 documents (PROJECT/index.json or PROJECT.json)`;
    throw new RejectedInput('source.format', message);
  }
  const items = async function* (): AsyncGenerator<SourceItem> {
    yield* itemsOf(folder, first.value, count);
    for await (const document of documents) yield* itemsOf(folder, document, count);
  };
  return items();
}

/** In the order of their names. The list of all projects, `index.json` of the folder itself, names no files. */
async function* documentsIn(folder: string): AsyncGenerator<Document> {
  const entries = await disk(folder, () => readdir(folder, { withFileTypes: true }));
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry;
    if (INDEX_NAMES.includes(name)) continue;
    if (entry.isDirectory()) {
      const inside = await disk(join(folder, name), () => readdir(join(folder, name)));
      const index = INDEX_NAMES.find((each) => inside.includes(each));
      if (index !== undefined) yield { path: join(name, index), named: name };
    } else if (name.endsWith('.json')) {
      yield { path: name, named: name.slice(0, -'.json'.length) };
    }
  }
}

async function* itemsOf(
  folder: string,
  document: Document,
  count: (bytes: number) => void,
): AsyncGenerator<SourceItem> {
  const bytes = await bytesOf(join(folder, document.path));
  count(bytes?.length ?? 0);
  let items: Iterable<SourceItem>;
  try {
    items = filesOf(bytes, document.named);
  } catch (error) {
    if (!(error instanceof RejectedInput)) throw error;
    items = [{ line: 0, code: error.code, message: error.message }];
  }
  for (const item of items) yield { ...item, document: document.path };
}

/** @returns undefined for what is too large, or no file */
async function bytesOf(path: string): Promise<Uint8Array | undefined> {
  const stats = await disk(path, () => stat(path));
  if (!stats.isFile() || stats.size > DOCUMENT_BYTES_MAX) return undefined;
  return disk(path, () => readFile(path));
}

/** @throws RejectedInput `simple.document`, `simple.version`, `simple.name`, `json.*` for the document as a whole */
function filesOf(bytes: Uint8Array | undefined, named: string): Iterable<SourceItem> {
  if (bytes === undefined) {
    const message = `no file, or longer than ${DOCUMENT_BYTES_MAX} bytes`;
    throw new RejectedInput('simple.document', message);
  }
  const json = parseJson(bytes, { bytesMax: DOCUMENT_BYTES_MAX });
  const { meta, name, files } = isObject(json) ? json : {};
  const version = isObject(meta) ? meta['api-version'] : undefined;
  if (!Array.isArray(files) || version === undefined) {
    const message = 'not a PEP 691 project: it needs meta.api-version, name and files';
    throw new RejectedInput('simple.document', message);
  }
  if (typeof version !== 'string' || !/^1\.\d{1,4}$/.test(version)) {
    const message = `api-version ${shown(JSON.stringify(version))} is not 1.x`;
    throw new RejectedInput('simple.version', message);
  }
  // Or one project's document could speak for another.
  if (typeof name !== 'string' || normalised(name) !== normalised(named)) {
    const message = `the project is named ${shown(JSON.stringify(name ?? null))}, not as where it lies`;
    throw new RejectedInput('simple.name', message);
  }
  const project = normalised(name);
  return (files as readonly Json[]).map((file, index) => {
    const line = index + 1;
    return itemOr(line, () => fileItem(line, project, file));
  });
}

/** @throws RejectedInput `simple.file`, `simple.filename`, `simple.size`, `simple.sha256`, `simple.yanked`, `path.*` */
function fileItem(line: number, project: string, file: Json): SourceItem {
  if (!isObject(file)) throw new RejectedInput('simple.file', 'a file is an object');
  const { filename, size, hashes, yanked } = file;
  if (typeof filename !== 'string' || filename.includes('/')) {
    throw new RejectedInput('simple.filename', 'a file needs a filename, without slashes');
  }
  const path = checkTargetPath(`${project}/${filename}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    const message = `${shown(filename)} has no size in bytes, as PEP 700 asks (api-version 1.1)`;
    throw new RejectedInput('simple.size', message);
  }
  const sha256 = isObject(hashes) ? hashes['sha256'] : undefined;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
    const message = `${shown(filename)} has no SHA-256 (64 lower-case hex digits)`;
    throw new RejectedInput('simple.sha256', message);
  }
  const custom = yanked === undefined || yanked === false ? {} : { custom: yankOf(yanked) };
  const event = {
    type: 'target.added',
    path,
    length: size,
    hashes: { sha256 },
    ...custom,
  } as const;
  return { line, event: { ...event, id: importEventId(event) } };
}

/** A yank holds whatever its reason looks like: what `custom` cannot have of it becomes a question mark. */
function yankOf(yanked: Json): JsonObject {
  if (yanked === true) return { yanked };
  if (typeof yanked !== 'string' || yanked === '') {
    throw new RejectedInput('simple.yanked', 'yanked is true, false or a reason');
  }
  return { yanked: yanked.slice(0, REASON_CHARACTERS_MAX).replaceAll(/[^ -~]+/g, '?') };
}

/** PEP 503, "Normalized Names". */
function normalised(project: string): string {
  return project.replaceAll(/[-_.]+/g, '-').toLowerCase();
}

async function disk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw unreadable(path, error);
  }
}

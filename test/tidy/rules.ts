// All tidy rules by name. test/tidy.test.ts runs each on the repository and on its bad examples.
import { browsersNeedNoNode } from './browser.ts';
import { dependenciesExplained, exactPins, liveLinks } from './documents.ts';
import { noDeadExports, noDeadFiles, parsersAreFuzzed } from './exports.ts';
import { fileSizes, oneReader, plainTypeScript, purposeComments } from './forms.ts';
import { flowOrder, manifestsMatchImports, noImportAcross } from './order.ts';
import {
  namedDocumentsExist,
  noMachinePlaces,
  noUnfinishedMarks,
  noWorkplaceTalk,
  hostlessLockfile,
} from './prose.ts';
import { purity } from './purity.ts';
import type { Rule } from './tree.ts';

export const RULES = {
  'every source parses': (tree) => tree.broken,
  'imports follow the flow': flowOrder,
  'other packages are reached by name': noImportAcross,
  'manifests list what is imported': manifestsMatchImports,
  'packages/ have no effects': (tree) => purity(tree),
  'what browsers run needs no Node': browsersNeedNoNode,
  'files are small': fileSizes,
  'files say what they are for': purposeComments,
  'TypeScript stays erasable and explicit': plainTypeScript,
  'JSON is read in one place': oneReader,
  'exports are used': noDeadExports,
  'files are used': noDeadFiles,
  'parsers are fed nonsense': parsersAreFuzzed,
  'nothing is marked unfinished': noUnfinishedMarks,
  'no workplace talk': noWorkplaceTalk,
  'no machine paths, no package hosts': noMachinePlaces,
  'the lockfile names no host': hostlessLockfile,
  'named documents exist': namedDocumentsExist,
  'versions are exact': exactPins,
  'dependencies are explained': dependenciesExplained,
  'links lead somewhere': liveLinks,
} satisfies Record<string, Rule>;

/** The command `serve`: its flags are those of the settings that have one. */
import { Option, type Command } from '@commander-js/extra-typings';
import { settingsOf } from '@tidemark/runtime';
import { serveUntilStopped } from '../commands/serve.ts';
import { readServeConfig } from '../config/readConfig.ts';
import { SERVE_SETTINGS } from '../config/serveSettings.ts';

interface Flag {
  /** Of the setting. */
  readonly name: string;
  readonly option: Option;
}

export function serveCommand(program: Command): void {
  const flags = flagsOf();
  const serve = program
    .command('serve')
    .description('run the ledger and serve its metadata, until Ctrl-C')
    .argument('<dir>', 'the ledger’s folder')
    .option('--config <file>', 'JSON file of settings; docs/configuration.md lists them all')
    .option('--check', 'look whether the configuration is right, and open nothing');
  for (const { option } of flags) serve.addOption(option);
  serve.addHelpText('after', EXAMPLES).action(async (directory, options) => {
    const config = await readServeConfig({
      file: options.config,
      environment: process.env,
      flags: given(flags, options),
    });
    if (options.check === true) {
      console.log('The configuration is right.');
      return;
    }
    await serveUntilStopped(directory, config, ({ url }) => {
      console.log(`Serving ${directory} on ${url} (Ctrl-C stops it)`);
    });
    console.log('Stopped; nothing that was acknowledged is lost.');
  });
}

const EXAMPLES = `
Examples:
  npx tidemark serve /srv/index --port 8080 --cut-interval 250ms
  npx tidemark serve /srv/index --config /etc/tidemark/serve.json --check`;

function flagsOf(): Flag[] {
  return settingsOf(SERVE_SETTINGS).flatMap(({ name, flag, description, fallback, absent }) => {
    if (flag === undefined) return [];
    const text = `${description.charAt(0).toLowerCase()}${description.slice(1, -1)}`;
    return [{ name, option: new Option(flag, `${text} (default: ${fallback ?? absent})`) }];
  });
}

function given(flags: readonly Flag[], options: object): Map<string, string> {
  const values = new Map(Object.entries(options));
  return new Map(
    flags.flatMap(({ name, option }) => {
      const value: unknown = values.get(option.attributeName());
      return typeof value === 'string' ? [[name, value] as const] : [];
    }),
  );
}

/** The command `client`, in the protocol by which TUF clients are tested: options first, then what to do. */
import { Option, type Command } from '@commander-js/extra-typings';
import { download, type Metadata, refresh, trustFirst } from '../commands/client.ts';

export function clientCommand(program: Command): void {
  const client = program
    .command('client')
    .description('a TUF client for this ledger and any other repository')
    .requiredOption('--metadata-dir <dir>', 'what is trusted, as it was served: root.json, …')
    .option('--metadata-url <url>', 'where the metadata is')
    .addOption(
      // Not a list of its own: that would take the command behind it for another path.
      new Option('--target-name <path>', 'what to download; may be repeated').argParser(
        (path: string, before: readonly string[] | undefined) => [...(before ?? []), path],
      ),
    )
    .addOption(
      new Option('--merkle <use>', 'the Merkle map in place of snapshot.json, where there is one')
        .choices(['preferred', 'demanded', 'unused'])
        .default('preferred' as const),
    )
    .option('--target-base-url <url>', 'where the files are')
    .option('--target-dir <dir>', 'where to put them')
    .addHelpText('after', EXAMPLES);
  const options = (): ReturnType<typeof client.opts> => client.opts();
  const metadata = (): Metadata => {
    const { metadataDir, metadataUrl, merkle } = options();
    return {
      directory: metadataDir,
      metadataUrl: demanded(metadataUrl, '--metadata-url'),
      merkle,
    };
  };
  const demanded = <T>(value: T | undefined, option: string): T =>
    value ?? client.error(`error: this needs ${option}`);
  client
    .command('init')
    .description('trust a first root.json; nothing is fetched')
    .argument('<root>', 'its file, which came by a way you trust')
    .action(async (root) => {
      await trustFirst(options().metadataDir, root);
    });
  client
    .command('refresh')
    .description('bring what is trusted up to date')
    .action(async () => {
      await refresh(metadata());
    });
  client
    .command('download')
    .description('refresh, then download what is listed, verified')
    .action(async () => {
      const { targetName, targetBaseUrl, targetDir } = options();
      await download(metadata(), {
        targets: demanded(targetName, '--target-name'),
        baseUrl: demanded(targetBaseUrl, '--target-base-url'),
        directory: demanded(targetDir, '--target-dir'),
        done: (path, file, wasThere) => {
          console.log(`${path}: ${wasThere ? 'unchanged' : 'verified'}, ${file}`);
        },
      });
    });
}

const EXAMPLES = `
Examples:
  npx tidemark client --metadata-dir trusted init 1.root.json
  npx tidemark client --metadata-dir trusted --metadata-url https://index.example/metadata refresh
  npx tidemark client --metadata-dir trusted --metadata-url https://index.example/metadata \\
    --target-name demo/demo-1.0.tar.gz --target-base-url https://index.example/targets --target-dir . download`;

// The client as tuf-conformance starts it: `tidemark client` with what it is given.
process.argv.splice(2, 0, 'client');
await import('../../services/cli/src/main.ts');

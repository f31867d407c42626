// The first import of every script that npm starts: refuses an old Node with what to do about it.
// Plain JavaScript, because a Node too old for us may not read TypeScript at all; it then has to be
// preloaded: node --import ./test/support/require-node.mjs SCRIPT.
const NODE_MAJOR_MIN = 24;

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `Node ${NODE_MAJOR_MIN} or newer is needed, and this is Node ${process.versions.node}.\n` +
      'The npm package "node" brings it, by an install script that did not run here.\n' +
      'Run: npm rebuild node\n',
  );
  process.exit(1);
}

/**
 * The floor of a read: Node's own server, which knows one answer of so many bytes.
 * Run as a process: prints its port; `/cpu` says how many seconds of a core it has used.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const body = Buffer.alloc(Number(process.argv[2]), 'x');
const server = createServer((request, response) => {
  const { user, system } = process.cpuUsage();
  const answer = request.url === '/cpu' ? Buffer.from(String((user + system) / 1e6)) : body;
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': answer.length,
    'cache-control': 'public, max-age=31536000, immutable',
    etag: '"0123456789abcdef0123456789abcdef"',
  });
  response.end(answer);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});

import { request } from 'node:http';
import { envoyPorts } from '../envoy/ports.ts';

/** Program of the agent's image, run before a pod stops: Envoy tells its clients to go and still serves those that stay. */
const sent = request(
  { host: '127.0.0.1', port: envoyPorts.admin, method: 'POST', path: '/drain_listeners?graceful&skip_exit' },
  (response) => response.resume(),
);
sent.on('error', (error) => {
  process.stderr.write(`drain: ${error.message}\n`);
  process.exitCode = 1;
});
sent.end();

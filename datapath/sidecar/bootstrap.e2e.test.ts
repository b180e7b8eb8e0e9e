import { test } from 'node:test';
import { exec } from '../../clusters/exec.ts';
import { toolPath } from '../../clusters/tools/tools.ts';
import { loadEnvoyApi } from '../envoy/api.ts';
import { envoyFlags } from '../envoy/flags.ts';
import { sidecarBootstrap } from './enroll.ts';

test('Envoy finds nothing wrong with the bootstrap, and neither do its descriptors', async () => {
  const bootstrap = sidecarBootstrap({ name: 'sidecar', systemNamespace: 'lab-sidecar-system' });
  const text = JSON.stringify(bootstrap).replaceAll('$(CONTROL_ADDRESS)', '10.96.0.7');
  loadEnvoyApi(toolPath('envoy-descriptors')).encode('envoy.config.bootstrap.v3.Bootstrap', JSON.parse(text));
  await exec(toolPath('envoy'), [...envoyFlags(text), '--mode', 'validate'], { timeoutMs: 20_000 });
});

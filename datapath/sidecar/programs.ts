import type { ImageSource } from '../../clusters/images/image-source.ts';
import { type Artefact, nodeArtefact } from '../../clusters/tools/artefact.ts';
import { baseNetworkImages, baseNetworkPrograms } from '../base-network/programs.ts';
import { descriptorsFile, envoy, envoyDescriptors, envoyImage } from '../envoy/programs.ts';
import { programs } from './places.ts';

const own = nodeArtefact('sidecar', {
  'sidecar-control': 'datapath/sidecar/control.ts',
  'sidecar-agent': 'datapath/sidecar/agent.ts',
  'sidecar-drain': 'datapath/sidecar/drain.ts',
});

export const sidecarPrograms: readonly Artefact[] = [...baseNetworkPrograms, envoy, envoyDescriptors, own];

export const sidecarImages: readonly ImageSource[] = [
  ...baseNetworkImages,
  envoyImage,

  {
    name: 'lab/sidecar',
    node: true,
    files: [
      { artefact: own, program: 'sidecar-control', path: programs.control },
      { artefact: own, program: 'sidecar-agent', path: programs.agent },
      { artefact: own, program: 'sidecar-drain', path: programs.drain },
      descriptorsFile,
    ],
  },
];

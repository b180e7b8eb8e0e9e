import type { ImageSource } from '../../clusters/images/image-source.ts';
import { type Artefact, nodeArtefact } from '../../clusters/tools/artefact.ts';
import { imageFiles } from './agent/places.ts';

/** The compiled programs of the kernel's side: a folder of `.bpf.o`. */
export const bpfObjects: Artefact = {
  name: 'bpf',
  version: 'repository',
  programs: { 'sidecarless-bpf': 'objects' },
  recipe: { kind: 'bpf', folder: 'bpf' },
};

const plugin: Artefact = {
  name: 'cni',
  version: 'repository',
  programs: { 'sidecarless-cni': 'lab-sidecarless' },
  recipe: { kind: 'c', source: 'datapath/sidecarless/cni/plugin/lab-sidecarless.c' },
};

/** The native half of koffi, which a bundle cannot hold. */
const koffi: Artefact = {
  name: 'koffi',
  version: 'repository',
  programs: { koffi: 'koffi.node' },
  recipe: { kind: 'package-file', file: '@koromix/koffi-linux-x64/linux_x64/koffi.node' },
};

const agent = nodeArtefact('sidecarless', { 'sidecarless-agent': 'datapath/sidecarless/agent/agent.ts' });

export const sidecarlessPrograms: readonly Artefact[] = [agent, bpfObjects, plugin, koffi];

export const sidecarlessImages: readonly ImageSource[] = [
  {
    name: 'lab/sidecarless',
    node: true,
    files: [
      { artefact: agent, program: 'sidecarless-agent', path: imageFiles.agent },
      { artefact: bpfObjects, program: 'sidecarless-bpf', path: imageFiles.objects },
      { artefact: plugin, program: 'sidecarless-cni', path: imageFiles.plugin },
      // Where koffi looks for it from the program's folder.
      { artefact: koffi, program: 'koffi', path: '/opt/build/koffi/linux_x64/koffi.node' },
    ],
  },
];

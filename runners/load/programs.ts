import { type ImageSource, programImage } from '../../clusters/images/image-source.ts';
import { type Artefact, goArtefact } from '../../clusters/tools/artefact.ts';

const k6 = goArtefact('k6', { module: 'runners/load/k6' });
const workload = goArtefact('workload', { module: 'runners/load/workload' });

/** The second generator, which one check compares k6 with: it is built when that check asks for it. */
export const fortio = goArtefact('fortio', { module: 'runners/load/fortio', version: '1.63.0' });

/** What sends and what answers, in every run. */
export const loadPrograms: readonly Artefact[] = [k6, workload];

export const loadImages: readonly ImageSource[] = [
  programImage(k6, 'k6'),
  programImage(workload, 'workload'),
  { ...programImage(fortio, 'fortio'), late: true },
];

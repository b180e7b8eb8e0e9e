import { type ImageSource, imagePrograms, programImage } from '../../clusters/images/image-source.ts';
import { type Artefact, goArtefact, nodeArtefact } from '../../clusters/tools/artefact.ts';

const k6 = goArtefact('k6', { module: 'runners/load/k6' });
const workload = goArtefact('workload', { module: 'runners/load/workload' });
const autocannon = nodeArtefact('autocannon', {
  autocannon: 'runners/load/autocannon/autocannon.ts',
  'autocannon-worker': 'runners/load/autocannon/worker.ts',
});

/** The second generator, which one check compares k6 with: it is built when that check asks for it. */
export const fortio = goArtefact('fortio', { module: 'runners/load/fortio', version: '1.63.0' });

/** What sends and what answers, in every run. iperf3 comes with the host, or with the base of real nodes' images. */
export const loadPrograms: readonly Artefact[] = [k6, autocannon, workload];

const generator = programImage(k6, 'k6');

export const loadImages: readonly ImageSource[] = [
  {
    ...generator,
    node: true,
    files: [
      ...generator.files,
      // Where k6's service looks for the Node programs that it runs: beside itself.
      ...['autocannon', 'autocannon-worker'].map((program) => ({
        artefact: autocannon,
        program,
        path: `${imagePrograms}/${program}.mjs`,
      })),
    ],
  },
  programImage(workload, 'workload'),
  { ...programImage(fortio, 'fortio'), late: true },
];

import { catalogueOf, type ImageCatalogue } from '../clusters/images/images.ts';
import type { Artefact } from '../clusters/tools/artefact.ts';
import { clusterArtefacts } from '../clusters/tools/cluster-artefacts.ts';
import { dataPlanes } from '../datapath/data-planes.ts';
import { fortio, loadImages, loadPrograms } from './load/programs.ts';

/** Programs that every cluster of ours needs to be there: those of all data planes, and of load. */
export const broughtPrograms: readonly Artefact[] = [
  ...new Set([...dataPlanes.flatMap(({ programs }) => programs), ...loadPrograms]),
];

/** All programs that the lab knows how to make, those of clusters and of single checks included. */
export const everyArtefact: readonly Artefact[] = [...new Set([...clusterArtefacts, ...broughtPrograms, fortio])];

/** What pods of a cluster of ours may run. Looks at the programs' sources, to know where they are. */
export function broughtImages(): ImageCatalogue {
  return catalogueOf([...dataPlanes.flatMap(({ images }) => images), ...loadImages]);
}

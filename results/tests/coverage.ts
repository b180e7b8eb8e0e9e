import { noises, simulatedCoverage } from './simulation.ts';

// `node results/tests/coverage.ts [RUNS]` prints the table of methodology.md: how often the interval of a ratio contains the truth.

const runs = Number(process.argv[2] ?? 20_000);
const figure = ({ coverage, width }: { coverage: number; width: number }): string =>
  `${(100 * coverage).toFixed(1)} % (${width.toFixed(3)})`;

process.stdout.write(`| passes | correlation | ${noises.map(({ name }) => name).join(' | ')} |\n`);
process.stdout.write(`| ---: | ---: | ${noises.map(() => '---:').join(' | ')} |\n`);
for (const passes of [2, 5, 6, 10, 20, 40]) {
  for (const correlation of [0, 0.3]) {
    const figures = noises.map((noise) => figure(simulatedCoverage(noise, { passes, correlation, runs, seed: 41 })));
    process.stdout.write(`| ${passes} | ${correlation} | ${figures.join(' | ')} |\n`);
  }
}

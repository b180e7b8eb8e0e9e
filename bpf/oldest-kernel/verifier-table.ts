import type { VerifierFigures } from './verifier-figures.ts';
import type { VerifierRecord } from './verifier-record.ts';

/** Counts of both kernels for each program, as a table in Markdown. */
export function verifierTable({ oldest, running }: VerifierRecord): string {
  const kernels = [oldest, running];
  const names = Object.keys(oldest.verifiedInstructions);
  const rows = [
    ['program', ...kernels.map(titleOf)],
    ...names.map((name) => [
      `\`${name}\``,
      ...kernels.map(({ verifiedInstructions }) => `${verifiedInstructions[name] ?? ''}`),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const [head, ...body] = rows.map((row) => row.map((cell, column) => align(cell, widths[column] ?? 0, column)));
  const rule = widths.map((width, column) => `${'-'.repeat(width - Math.min(column, 1))}${column > 0 ? ':' : ''}`);
  return [head ?? [], rule, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function titleOf({ kernel }: VerifierFigures): string {
  return `Linux ${/^\d+\.\d+/.exec(kernel)?.[0]}`;
}

/** Names to the left, numbers to the right. */
function align(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

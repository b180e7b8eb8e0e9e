import type { Row } from '../../results/comparison.ts';
import { roles } from '../../results/vocabulary.ts';
import { plainTable } from './plain-table.ts';
import { nameOf, type Paint, type RowGroup, ratioOf, shownValue } from './row-group.ts';

const costMetric = /^cpu_seconds_per_(\w+)$/;

/** CPU time for each unit of work, whole and by role, with the rate that it was measured at and what failed of it. */
export function costTable(groups: readonly RowGroup[], paint: Paint): string {
  const metric = groups[0]?.rows.find((row) => costMetric.test(row.metric))?.metric ?? '';
  const unit = costMetric.exec(metric)?.[1] ?? '';
  const isRate = ({ metric }: Row): boolean => metric.endsWith('_per_second');
  const failures = groups.some(({ rows }) => rows.some((row) => row.metric === 'requests_failed_ratio'));
  const table = plainTable([
    `CPU per ${unit}`,
    'all',
    'to none',
    '95 % interval',
    ...roles,
    'achieved',
    ...(failures ? ['failed'] : []),
  ]);
  for (const group of groups) {
    const cpu = (role: Row['role']) => group.rows.find((row) => row.metric === metric && row.role === role);
    table.push([
      nameOf(group, paint),
      shownValue(cpu(null)),
      ...ratioOf(cpu(null), paint),
      ...roles.map((role) => shownValue(cpu(role))),
      shownValue(group.rows.find(isRate)),
      ...(failures ? [shownValue(group.rows.find((row) => row.metric === 'requests_failed_ratio'))] : []),
    ]);
  }
  return table.toString();
}

import type { Interval } from './interval.ts';
import type { Metric } from './metrics.ts';

/** A number in its unit, for people: three significant digits, in the size of unit that suits it. */
export function formatValue(value: number | null, unit: Metric['unit']): string {
  if (value === null) return '–';
  if (unit === 'seconds') return formatDuration(value);
  if (unit === 'bytes') return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
  if (unit === 'ratio') return `${significant(value * 100)} %`;
  if (unit === 'bytes/second') return `${formatValue(value, 'bytes')}/s`;
  return `${significant(value)}/s`;
}

/** 0.00055 s is `550 µs`, 0.0011 s `1.10 ms`. */
export function formatDuration(seconds: number): string {
  return scaled(seconds * 1e9, 1000, ['ns', 'µs', 'ms', 's']);
}

/** `2.75×`. */
export function formatRatio(ratio: number | null): string {
  return ratio === null ? '–' : `${significant(ratio)}×`;
}

/** `2.61–2.90`. */
export function formatInterval(interval: Interval | null): string {
  return interval === null ? '–' : `${significant(interval[0])}–${significant(interval[1])}`;
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let [size, index] = [value, 0];
  // Rounded before it is compared: 999.6 µs would else be shown as 1000 µs.
  while (Number(Math.abs(size).toPrecision(3)) >= step && index < units.length - 1) {
    size /= step;
    index += 1;
  }
  return `${significant(size)} ${units[index]}`;
}

/** Three significant digits, never in exponential form; trailing zeros stay, for they were measured. */
function significant(value: number): string {
  if (value === 0) return '0';
  const rounded = Number(value.toPrecision(3));
  const magnitude = Math.floor(Math.log10(Math.abs(rounded)));
  return rounded.toFixed(Math.min(100, Math.max(0, 2 - magnitude)));
}

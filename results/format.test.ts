import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, formatInterval, formatRatio, formatValue } from './format.ts';

test('durations have three significant digits in the unit that suits them', () => {
  const expected: [number, string][] = [
    [0, '0 ns'],
    [4.2e-8, '42.0 ns'],
    [0.00055, '550 µs'],
    [0.0011, '1.10 ms'],
    [0.0009996, '1.00 ms'],
    [0.012345, '12.3 ms'],
    [-0.0000021, '-2.10 µs'],
    [75, '75.0 s'],
    [7500, '7500 s'],
  ];
  for (const [seconds, text] of expected) assert.equal(formatDuration(seconds), text);
});

test('values are shown in their units', () => {
  assert.equal(formatValue(0.0011, 'seconds'), '1.10 ms');
  assert.equal(formatValue(999.96, 'requests/second'), '1000/s');
  assert.equal(formatValue(0.00125, 'ratio'), '0.125 %');
  assert.equal(formatValue(0, 'ratio'), '0 %');
  assert.equal(formatValue(53_000_000, 'bytes'), '50.5 MiB');
  assert.equal(formatValue(null, 'bytes'), '–');
});

test('ratios and intervals', () => {
  assert.equal(formatRatio(2.7512), '2.75×');
  assert.equal(formatRatio(0.996), '0.996×');
  assert.equal(formatRatio(null), '–');
  assert.equal(formatInterval([2.61, 2.904]), '2.61–2.90');
  assert.equal(formatInterval(null), '–');
});

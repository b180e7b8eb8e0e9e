import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logFormatter, logTimestamp, longestLineBytes, parseLogLine } from './format.ts';

const time = '2024-01-02T03:04:05.000006000Z';

test('lines are formed across chunks, empty ones too, and the last without a newline', () => {
  const { format, flush } = logFormatter('stdout');
  const text = [
    format(Buffer.from('on'), time),
    format(Buffer.from('e\n\ntw'), time),
    format(Buffer.from('o'), time),
    flush(time),
  ];
  assert.equal(Buffer.concat(text).toString(), `${time} stdout F one\n${time} stdout F \n${time} stdout F two\n`);
  assert.equal(flush(time).length, 0);
});

test('a long line is split into parts', () => {
  const { format } = logFormatter('stderr');
  const lines = format(Buffer.from(`${'x'.repeat(longestLineBytes + 1)}\n`), time)
    .toString()
    .trimEnd()
    .split('\n');
  const records = lines.map((line) => parseLogLine(line));
  assert.deepEqual(
    records.map((record) => [record?.stream, record?.partial, record?.text.length]),
    [
      ['stderr', true, longestLineBytes],
      ['stderr', false, 1],
    ],
  );
});

test('bytes that are no UTF-8 pass unchanged', () => {
  const { format } = logFormatter('stdout');
  const line = format(Buffer.from([0xff, 0xc3, 0x0a]), time);
  assert.deepEqual([...line.subarray(-3)], [0xff, 0xc3, 0x0a]);
});

test('lines of another format are none', () => {
  assert.equal(parseLogLine('hello'), null);
  assert.equal(parseLogLine(`${time} stdout X text`), null);
});

test('the time is now, to the microsecond', () => {
  const stamp = logTimestamp();
  assert.match(stamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}000Z$/);
  assert.ok(Math.abs(Date.parse(stamp) - Date.now()) < 2000);
});

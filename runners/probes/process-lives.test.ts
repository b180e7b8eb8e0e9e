import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraceLine } from './process-lives.ts';

// As Linux 6.18 writes them.
test('reads when a process began and ended', () => {
  const exec =
    '           <...>-4711    [001] .....  48293.120034: sched_process_exec: filename=/opt/cni/bin/lab-sidecarless pid=4711 old_pid=4709';
  const exit =
    ' lab-sidecarless-4711    [000] .....  48293.144112: sched_process_exit: comm=lab-sidecarless pid=4711 prio=120 group_dead=true';
  assert.deepEqual(parseTraceLine(exec), { kind: 'exec', pid: 4711, at: 48293.120034 });
  assert.deepEqual(parseTraceLine(exit), { kind: 'exit', pid: 4711, at: 48293.144112 });
  assert.equal(parseTraceLine('CPU:1 [LOST 3 EVENTS]'), null);
});
